# Signals, children, and every wait: nothing here or elsewhere waits for something without an end.
#
# Traps only note. What runs looks at the notes (heed_signals) between its steps and in each wait, and ends the script
# from there: no step of the end runs inside a trap, where bash 3.2 hears no second signal of its kind.
#
# Children tell their end through a file, and whoever waits looks at that file, with a deadline. The builtin `wait` is not
# used: one for a child that an interrupted `wait` has had already never returns in bash 5.2.
#
# Owns CHILD and the files in CHILDREN_DIR, and with end.bash and monitor-wva.sh, which begin and end the end, SIGNALS,
# FIRST_SIGNAL_S, PHASE and END_DEADLINE_S. Calls nothing of the other files but `leave_at_once` of end.bash.
#
# shellcheck shell=bash

CHILDREN_DIR=/dev/null # where children tell their end; nowhere until who sources this sets it
CHILD=                 # process and process group of the child started last
PHASE=running          # or closing: in the end a signal is noted only, and a second one leaves at once
SIGNALS=0              # noted
FIRST_SIGNAL_S=        # on bash's own clock
END_DEADLINE_S=        # on bash's own clock, once somebody waits for the end
USUAL_BUDGET_S=15
END_BUDGET_S="${WVA_END_BUDGET_S:-$USUAL_BUDGET_S}" # from the first signal to the end
SLICE_MS=500                                        # of a longer sleep: TERM is heard when a program in the foreground has ended

# --- signals --------------------------------------------------------------------------------------

# The only action of traps. In the end, a signal more than a second after the first one leaves at once; those that come
# together are one: who signals a process and its group, as `timeout` does, is heard twice.
note_signal() {
  SIGNALS=$((SIGNALS + 1))
  [[ -n "$FIRST_SIGNAL_S" ]] || FIRST_SIGNAL_S=$SECONDS
  if [[ "$PHASE" == closing ]]; then
    begin_budget
    [[ $((SECONDS - FIRST_SIGNAL_S)) -lt 2 ]] || leave_at_once
  fi
}

# End here if a signal was noted. In the end itself it is noted only.
heed_signals() { [[ $SIGNALS -eq 0 || "$PHASE" == closing ]] || exit 130; }

# From now on the budget runs: it began with the first signal.
begin_budget() { END_DEADLINE_S=$((${FIRST_SIGNAL_S:-$SECONDS} + END_BUDGET_S)); }

# budget_s MOST [RESERVED]: how many seconds a step of the end may take, at most MOST: those that are left, less those
# reserved for what comes after it. Both are shares of the usual budget; in a longer one they are longer.
budget_s() {
  local most="$1" reserved="${2:-0}" left
  if [[ -n "$END_DEADLINE_S" ]]; then
    most=$((most * END_BUDGET_S / USUAL_BUDGET_S))
    reserved=$((reserved * END_BUDGET_S / USUAL_BUDGET_S))
    left=$((END_DEADLINE_S - SECONDS - reserved))
    [[ $left -ge 1 ]] || left=1
    [[ $left -ge $most ]] || most=$left
  fi
  printf '%s\n' "$most"
}

# --- sleeping -------------------------------------------------------------------------------------

# Let so many milliseconds of real time pass; a signal is heard within SLICE_MS, Ctrl-C on a terminal at once.
sleep_ms() {
  local left="$1" slice fraction
  while [[ $left -gt 0 ]]; do
    slice=$((left < SLICE_MS ? left : SLICE_MS))
    printf -v fraction '0.%03d' "$slice"       # no command substitution where signals come most often: see is_lost_signal
    { sleep "$fraction"; } 2>/dev/null || true # Ctrl-C ends it, TERM with a word of bash
    heed_signals
    left=$((left - slice))
  done
}

# wait_for SECONDS COMMAND...: until it succeeds; fails if it has not within so many seconds of real time, or when the
# budget of the end is used up.
wait_for() {
  local deadline_s=$((SECONDS + $1 + 1)) pause_ms=20 # SECONDS has no fractions
  shift
  until "$@"; do
    [[ $SECONDS -lt $deadline_s && $SECONDS -lt ${END_DEADLINE_S:-$((SECONDS + 1))} ]] || return 1
    sleep_ms "$pause_ms"
    [[ $pause_ms -ge 200 ]] || pause_ms=$((pause_ms * 2))
  done
}

# --- children -------------------------------------------------------------------------------------

# start_child NAME COMMAND...: in the background, in a process group of its own, which Ctrl-C on a terminal does not reach.
start_child() {
  local name="$1"
  shift
  rm -f "$CHILDREN_DIR/$name.rc"
  set -o monitor
  run_child "$CHILDREN_DIR/$name.rc" "$@" &
  CHILD=$!
  set +o monitor
  printf '%s\n' "$CHILD" >"$CHILDREN_DIR/$name.pid"
  disown "$CHILD" 2>/dev/null || true # or bash would tell of one that is killed; it may have ended already
}

# In the child. Whoever stops it stops its group: the command ends, and this tells its status. After `exec` there is only
# the command, which can be sent a signal alone, and whose status nobody learns.
run_child() {
  local file="$1" status=0
  shift
  [[ "$1" != exec ]] || "$@" 8>&-
  trap : TERM
  # Bash's own words on what a signal has ended are worth nothing.
  { ("$@" 2>&3 3>&- 8>&-) || status=$?; } 3>&2 2>/dev/null
  { printf '%s\n' "$status" >"$file.part" && mv "$file.part" "$file"; } 2>/dev/null || true # nobody is left to be told
}

is_running() { kill -0 "$1" 2>/dev/null; } # the error says no more than the status

# Whether a child has ended, by its own word or because it was killed; also if there never was one.
has_ended() {
  [[ ! -e "$CHILDREN_DIR/$1.pid" || -e "$CHILDREN_DIR/$1.rc" ]] || ! is_running "$(<"$CHILDREN_DIR/$1.pid")"
}

have_ended() {
  local name
  for name in "$@"; do
    has_ended "$name" || return 1
  done
}

# The exit status of a child that has ended; 137 of one that could not tell it.
status_of_child() { cat "$CHILDREN_DIR/$1.rc" 2>/dev/null || printf '137\n'; }

# stop_child NAME [SECONDS]: TERM, and KILL if it has not ended after so many seconds (default: 2).
stop_child() {
  ! has_ended "$1" || return 0
  signal_child TERM "$1"
  wait_for "${2:-2}" has_left "$1" || signal_child KILL "$1"
}

# Whether nothing is left of its group: a child may have told its end while a program that it has called still ends.
has_left() { ! kill -0 -- "-$(<"$CHILDREN_DIR/$1.pid")" 2>/dev/null; }

stop_children() {
  local file
  for file in "$CHILDREN_DIR"/*.pid; do
    [[ ! -e "$file" ]] || stop_child "$(basename "$file" .pid)" 1
  done
}

# A process that has ended meanwhile is no error.
signal_child() { kill "-$1" -- "-$(<"$CHILDREN_DIR/$2.pid")" 2>/dev/null || true; }

# within SECONDS COMMAND...: its status, or 124 if it had to be stopped because its time was over.
within() {
  local seconds="$1" name
  shift
  name="$(mktemp "$CHILDREN_DIR/within.XXXXXX")"
  name="${name##*/}"
  start_child "$name" "$@"
  if wait_for "$seconds" has_ended "$name"; then
    return "$(status_of_child "$name")"
  fi
  stop_child "$name" 1
  return 124
}

# bounded MOST RESERVED COMMAND...: as it is; once the budget of the end runs, within what is left of it (budget_s).
bounded() {
  local most="$1" reserved="$2"
  shift 2
  if [[ -z "$END_DEADLINE_S" ]]; then
    "$@"
  else
    within "$(budget_s "$most" "$reserved")" "$@"
  fi
}
