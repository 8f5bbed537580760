# Sourced by scripts/stack: the part `mysql`, which is Debian's MariaDB or a MySQL 8.0.33 from Maven.

address_mysql() { printf '127.0.0.1:%s' "$mysql_port"; }

check_mysql() { port_free "$1" "$mysql_port"; }

# One statement a line: the servers read it so at each start.
grants() {
  local database
  printf '%s\n' 'CREATE DATABASE IF NOT EXISTS rag_db CHARACTER SET utf8mb4;' "CREATE USER IF NOT EXISTS 'raguser'@'%' IDENTIFIED BY 'ragpassword';"
  for database in rag_db 'millrace\_test\_%'; do printf "GRANT ALL ON \`%s\`.* TO 'raguser'@'%%';\n" "$database"; done
}

mysql_home() { printf '%s/mysql-8.0.33' "$cache"; }

prepare_mysql() {
  grants >"$state/conf/grants.sql"
  if [[ $database == mysql ]]; then download mysql-8.0.33 fetch_mysql; fi
  [[ ! -d $state/mysql/mysql ]] || return 0
  local log=$state/logs/mysql-install.log
  rm -rf "$state/mysql"
  mkdir -p "$state/tmp"
  if [[ $database == mysql ]]; then
    TMPDIR=$state/tmp "$(mysql_home)/bin/mysqld" --no-defaults --initialize-insecure --user="$(id -un)" --basedir="$(mysql_home)" --datadir="$state/mysql" >"$log" 2>&1
  else
    TMPDIR=$state/tmp mariadb-install-db --no-defaults --datadir="$state/mysql" --user="$(id -un)" --auth-root-authentication-method=normal --skip-test-db >"$log" 2>&1
  fi || die "the database cannot be set up: $(grep -m 1 ERROR "$log" || printf 'see %s' "$log")"
}

# The socket's name is relative to the data directory: an absolute one may be longer than the system allows. Temporary files in a folder of
# its own: MariaDB starts by removing those that it finds in /tmp, another server's among them.
launch_mysql() {
  mkdir -p "$state/tmp"
  local server=(mariadbd) options tls=$state/tls
  if [[ $database == mysql ]]; then server=("$(mysql_home)/bin/mysqld" --basedir="$(mysql_home)" --mysqlx=OFF); fi
  read -ra options <<<"${MILLRACE_STACK_MYSQL_OPTIONS:-}"
  spawn mysql "${server[0]}" --no-defaults "${server[@]:1}" --user="$(id -un)" --datadir="$state/mysql" --tmpdir="$state/tmp" --socket=server.sock --port="$mysql_port" \
    --bind-address=127.0.0.1 --pid-file="$state/mysql/server.pid" --skip-name-resolve --character-set-server=utf8mb4 \
    --innodb-buffer-pool-size=128M --init-file="$state/conf/grants.sql" \
    --ssl-ca="$tls/ca.pem" --ssl-cert="$tls/server.pem" --ssl-key="$tls/server.key" "${options[@]/#/--}"
}

serves_mysql() { mariadb --no-defaults --protocol=tcp --host=127.0.0.1 --port="$mysql_port" --user=raguser --password=ragpassword rag_db --execute='SELECT 1' >/dev/null; }
