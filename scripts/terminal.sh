# Sourced by the other scripts: how they speak, and what they need of the system.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$root/build/release/millrace
cache=${MILLRACE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace}
PATH=$cache/node/bin:$PATH # the pinned Node.js and npm, once scripts/assets has fetched them
# Node.js knows authorities of its own only; those that this machine trusts in addition count here as they do for pip and apt.
authorities=/etc/ssl/certs/ca-certificates.crt
[[ -n ${NODE_EXTRA_CA_CERTS:-} || ! -r $authorities ]] || export NODE_EXTRA_CA_CERTS=$authorities

step() { printf '\033[1m==>\033[0m %s\n' "$1" >&2; }
say() { printf '    %s\n' "$1" >&2; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  exit "${2:-1}"
}

# Runs "$@" with its output in the log $1; while it runs a line shows what it last said and for how long it has been at it.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  local since=$SECONDS
  "$@" >"$log" 2>&1 </dev/null &
  local pid=$!
  trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; exit 130' INT TERM
  local shown=0
  while kill -0 "$pid" 2>/dev/null; do
    if [[ -t 2 ]]; then
      printf '\r\033[K    %ss  %.90s' "$((SECONDS - since))" "$(tail -n 1 "$log" | tr -d '\r')" >&2
    elif ((SECONDS - since >= shown + 15)); then
      shown=$((SECONDS - since))
      say "${shown}s  $(tail -n 1 "$log" | tr -d '\r' | cut -c1-90)"
    fi
    sleep 0.3
  done
  [[ ! -t 2 ]] || printf '\r\033[K' >&2
  trap - INT TERM
  if ! wait "$pid"; then
    if grep -qE 'Temporary failure resolving|Could not (resolve|connect)|Network is unreachable|Failed to fetch|NewConnectionError' "$log"; then
      die "the network cannot be reached; run it again when it can (log: $log)"
    fi
    ! grep -q 'No space left on device' "$log" || die "the disk is full (log: $log)"
    tail -n 25 "$log" >&2
    die "failed; the whole log is $log"
  fi
  say "done in $((SECONDS - since)) s"
}

# Free space in MB on the file system that holds $1 or its nearest existing parent.
free_megabytes() {
  local path=$1
  while [[ ! -e $path ]]; do path=$(dirname "$path"); done
  df -Pm "$path" | awk 'NR == 2 {print $4}'
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}
