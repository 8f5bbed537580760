# Sourced by scripts/test and scripts/chaos, after terminal.sh.

python_tools() {
  environment=$cache/test-python
  local stamp
  stamp=$(sha256sum "$root/tests/harness/requirements.txt" | cut -c1-16)
  if [[ ! -e $environment/$stamp ]]; then
    step "Installing the test tools of Python"
    rm -rf "$environment"
    python3 -m venv "$environment"
    quietly "$root/build/logs/test-python.log" "$environment/bin/python" -m pip --no-input install --require-hashes --only-binary :all: \
      --no-deps -r "$root/tests/harness/requirements.txt"
    touch "$environment/$stamp"
  fi
}

# on_stack COMMAND…: on servers of this stage's own, which end with it however it ends; their logs stay until the next one.
on_stack() (
  export MILLRACE_STACK=$root/build/stack MILLRACE_STACK_PORT=${MILLRACE_STACK_PORT:-11400}
  export MILLRACE_STACK_JAVA='-Xmx400m -XX:TieredStopAtLevel=1' # starts quicker, which these tests do often
  trap '"$root/scripts/stack" down' EXIT
  trap 'exit 130' INT TERM
  "$root/scripts/stack" wipe
  "$root/scripts/stack" up
  eval "$("$root/scripts/stack" env)"
  "$@"
)
