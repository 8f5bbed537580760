# Sourced by scripts/stack: processes that outlive the script, found again by pid and start time (a pid alone may be somebody else's).

identity() { awk '{sub(/^.*\) /, ""); print $20}' "/proc/$1/stat" 2>/dev/null; }

pid_of() { cut -d' ' -f1 "$state/run/$1" 2>/dev/null; }

# A dead process that nobody has waited for does not count, but one whose last threads still end does: it holds its ports.
running() {
  local pid since now
  read -r pid since 2>/dev/null <"$state/run/$1" || return 1
  now=$(identity "$pid")
  [[ -n $now && $now == "$since" ]] || return 1
  ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null || (($(ls "/proc/$pid/task" | wc -l) > 1))
}

state_of() { if grep -q '^State:[[:space:]]*T' "/proc/$(pid_of "$1")/status"; then echo paused; else echo running; fi; }

memory_of() { awk '/^VmRSS/ {printf "%d", $2 / 1024}' "/proc/$(pid_of "$1")/status"; }

# spawn PART COMMAND…: in a session of its own, so that Ctrl+C in this terminal does not reach it. A bound on the size of its files fails
# its writes, as a full disk does, and does not end it.
spawn() {
  local part=$1 log=$state/logs/$1.log pid
  shift
  trap '' XFSZ
  [[ ! -f $log ]] || mv "$log" "$log.old"
  setsid "$@" >"$log" 2>&1 </dev/null 9>&- &
  pid=$!
  disown "$pid"
  printf '%s %s\n' "$pid" "$(identity "$pid")" >"$state/run/$part"
  spawned_at[$part]=$SECONDS
}
declare -A spawned_at=()

started_ago() { printf '%s' "$((SECONDS - spawned_at[$1]))"; }

# Waits until a part serves. A part that ended is an error at once, with its own last words.
await() {
  local part=$1 shown=$SECONDS deadline=$((SECONDS + 120))
  until "serves_$(kind "$part")" "$part" 2>/dev/null; do
    if ! running "$part"; then
      ! grep -qi 'address already in use' "$state/logs/$part.log" || port_taken "one of the ports of $part"
      tail -n 15 "$state/logs/$part.log" >&2
      die "$part ended while starting; its log is $state/logs/$part.log"
    fi
    ((SECONDS < deadline)) || die "$part did not come up in 120 s; its log is $state/logs/$part.log"
    if ((SECONDS - shown >= 5)); then
      shown=$SECONDS
      say "$part: $(started_ago "$part") s  $(tail -n 1 "$state/logs/$part.log" | cut -c1-90)"
    fi
    sleep 0.1
  done
}

send() {
  running "$1" || die "$1 is not running"
  kill "-$2" "$(pid_of "$1")"
}

terminate() {
  kill -CONT "$(pid_of "$1")" 2>/dev/null || true # a paused process would not hear the next signal
  kill -TERM "$(pid_of "$1")" 2>/dev/null || true
}

# wait_end PART SECONDS: kills it when the time is over.
wait_end() {
  local deadline=$((SECONDS + $2))
  while running "$1"; do
    if ((SECONDS >= deadline)); then
      say "$1: did not end in $2 s, killing it"
      kill -KILL "$(pid_of "$1")" 2>/dev/null || true
      deadline=$((SECONDS + 10))
    fi
    sleep 0.05
  done
  rm -f "$state/run/$1"
}

# port_free PART PORT
port_free() {
  if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then port_taken "port $2 for $1"; fi
}

port_taken() { die "$1 is taken; stop what listens there, or choose others: MILLRACE_STACK_PORT=19000 scripts/stack up"; }
