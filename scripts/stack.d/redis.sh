# Sourced by scripts/stack: Redis. Debian's redis-server package is a link to a program of redis-tools, and a service that would start by
# itself; the tools alone are enough.

address_redis() { printf '127.0.0.1:%s' "$redis_port"; }

check_redis() {
  port_free "$1" "$redis_port"
  port_free "$1" "$((redis_port + 1))"
}

prepare_redis() {
  mkdir -p "$state/redis" "$state/bin"
  ln -sf /usr/bin/redis-check-rdb "$state/bin/redis-server"
  mend_redis
}

# A full disk may leave half a command in the log, and commands after it, with which Redis does not start. It is a cache: what follows goes.
mend_redis() {
  local manifest=$state/redis/appendonlydir/appendonly.aof.manifest log=$state/logs/redis-check.log
  [[ -f $manifest ]] && ! redis-check-aof "$manifest" >"$log" 2>&1 || return 0
  say "redis: $(sed -n 's/^AOF analyzed: //p' "$log" | tail -n 1); what is not valid is cut off"
  redis-check-aof --fix "$manifest" <<<y >>"$log" 2>&1 || die "the log of Redis cannot be mended: $(tail -n 1 "$log")"
}

launch_redis() {
  local tls=$state/tls
  spawn redis "$state/bin/redis-server" --bind 127.0.0.1 --port "$redis_port" --dir "$state/redis" --appendonly yes --save '' \
    --tls-port "$((redis_port + 1))" --tls-ca-cert-file "$tls/ca.pem" --tls-cert-file "$tls/server.pem" --tls-key-file "$tls/server.key" --tls-auth-clients optional
}

serves_redis() { [[ $(redis-cli -h 127.0.0.1 -p "$redis_port" ping) == PONG ]]; }
