# Sourced by scripts/stack: Kafka in KRaft mode (4.3.1) or on ZooKeeper (3.9.1), with plain, SASL, SASL-over-TLS and TLS-with-client-certificate listeners.

readonly kafka_user=millrace kafka_password=millrace-secret

# Ports of a node: clients, controller, SASL, SASL over TLS, (ZooKeeper,) TLS by client certificate, other brokers where those come by a proxy.
node_port() { printf '%s' "$((kafka_port + 10 * (${1#kafka} - 1) + ${2:-0}))"; }
readonly controller_port=1 sasl_port=2 sasl_ssl_port=3 ssl_port=5 broker_port=6

# proxy_port NODE VARIABLE [OFFSET]: of the proxy before a listener of this node, if there is one.
proxy_port() { printf '%s' "${!2:+$((${!2:-0} + 10 * (${1#kafka} - 1) + ${3:-0}))}"; }
zookeeper_port() { printf '%s' "$((kafka_port + 4))"; }

address_kafka() { printf '127.0.0.1:%s' "$(node_port "$1")"; }
address_zookeeper() { printf '127.0.0.1:%s' "$(zookeeper_port)"; }

bootstrap_servers() {
  local node servers=
  for ((node = 1; node <= nodes; node++)); do servers+=${servers:+,}$(address_kafka "kafka$node"); done
  printf '%s' "$servers"
}

# java_command LEVEL OPTION…: puts the start of a command line into the array `java`
java_command() {
  java=(java -XX:+UseSerialGC "${@:2}" -Dstack.loglevel="$1" "-Dlog4j2.configurationFile=file:$root/scripts/stack.d/log4j2.properties"
    "-Dlog4j.configuration=file:$root/scripts/stack.d/log4j.properties" -cp "$cache/kafka-$kafka_version/*")
}

kafka_tool() {
  (($#)) || die "name the class of the tool, e.g. org.apache.kafka.tools.TopicCommand --bootstrap-server $(address_kafka kafka1) --list" 2
  download "kafka-$kafka_version" fetch_kafka
  local java
  java_command ERROR -Xmx256m -XX:TieredStopAtLevel=1
  "${java[@]}" "$@"
}

# A certificate authority of this stack, a server's certificate for 127.0.0.1 and a client's.
certificates() {
  [[ ! -f $state/tls/complete ]] || return 0
  local tls=$state/tls
  issue() { # issue NAME COMMON_NAME OPTION…
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$2" -keyout "$tls/$1.key" -out "$tls/$1.pem" \
      -config <(printf '[req]\ndistinguished_name=name\n[name]\n') "${@:3}" 2>"$state/logs/openssl.log" || die "openssl failed: $(tail -n 1 "$state/logs/openssl.log")"
  }
  issue ca 'Millrace stack' -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
  issue server localhost -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  issue client "$kafka_user" -CA "$tls/ca.pem" -CAkey "$tls/ca.key"
  cat "$tls/server.key" "$tls/server.pem" >"$tls/server.keystore.pem"
  touch "$tls/complete"
}

# listeners NODE SASL_PORT BROKER_PORT CONTROLLER_PORT; the last two may be missing.
listeners() {
  local node=$1 text
  text=PLAINTEXT://127.0.0.1:$(node_port "$node"),SASL_PLAINTEXT://127.0.0.1:$2
  text+=,SASL_SSL://127.0.0.1:$(node_port "$node" $sasl_ssl_port),SSL://127.0.0.1:$(node_port "$node" $ssl_port)
  text+=${3:+,BROKER://127.0.0.1:$3}${4:+,CONTROLLER://127.0.0.1:$4}
  printf '%s' "$text"
}

voters() {
  local node port text=
  for ((node = 1; node <= nodes; node++)); do
    port=$(proxy_port "kafka$node" MILLRACE_STACK_BROKER_PROXY 1)
    text+=${text:+,}$node@127.0.0.1:${port:-$(node_port "kafka$node" $controller_port)}
  done
  printf '%s' "$text"
}

server_properties() {
  local node=$1 in_sync=$((nodes > 1 ? 2 : 1)) listener option
  local sasl told_sasl told_broker told_controller
  sasl=$(node_port "$node" $sasl_port)
  told_sasl=$(proxy_port "$node" MILLRACE_STACK_SASL_PROXY)
  told_broker=$(proxy_port "$node" MILLRACE_STACK_BROKER_PROXY)
  told_controller=$(proxy_port "$node" MILLRACE_STACK_BROKER_PROXY 1)
  local package=org.apache.kafka.common.security
  if [[ $kafka_version == 3.* ]]; then
    printf '%s\n' "broker.id=${node#kafka}" "zookeeper.connect=$(address_zookeeper)" zookeeper.session.timeout.ms=6000 \
      "listeners=$(listeners "$node" "$sasl")"
  else
    printf '%s\n' process.roles=broker,controller "node.id=${node#kafka}" "listeners=$(listeners "$node" "$sasl" "${told_broker:+$(node_port "$node" $broker_port)}" "$(node_port "$node" $controller_port)")" \
      controller.listener.names=CONTROLLER "controller.quorum.voters=$(voters)" \
      broker.session.timeout.ms=4000 broker.heartbeat.interval.ms=1000 \
      "share.coordinator.state.topic.replication.factor=$nodes" "share.coordinator.state.topic.min.isr=$in_sync"
  fi
  for listener in sasl_plaintext sasl_ssl; do
    printf 'listener.name.%s.plain.sasl.jaas.config=%s required user_%s="%s";\n' "$listener" "$package.plain.PlainLoginModule" "$kafka_user" "$kafka_password"
    printf 'listener.name.%s.scram-sha-%s.sasl.jaas.config='"$package"'.scram.ScramLoginModule required;\n' "$listener" 256 "$listener" 512
    # Unsigned tokens, which is Kafka's default and good for tests only.
    printf 'listener.name.%s.oauthbearer.sasl.jaas.config=%s required;\n' "$listener" "$package.oauthbearer.OAuthBearerLoginModule"
  done
  cat <<END
advertised.listeners=$(listeners "$node" "${told_sasl:-$sasl}" "$told_broker" "$told_controller")
inter.broker.listener.name=$([[ -n $told_broker ]] && echo BROKER || echo PLAINTEXT)
listener.security.protocol.map=CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.ssl.ssl.client.auth=required
ssl.client.auth=requested
ssl.keystore.type=PEM
ssl.keystore.location=$state/tls/server.keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location=$state/tls/ca.pem
log.dirs=$state/$node
auto.create.topics.enable=false
default.replication.factor=$nodes
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$nodes
offsets.topic.num.partitions=6
transaction.state.log.replication.factor=$nodes
transaction.state.log.min.isr=$in_sync
transaction.state.log.num.partitions=6
group.initial.rebalance.delay.ms=0
END
  for option in ${MILLRACE_STACK_KAFKA_OPTIONS:-}; do printf '%s\n' "$option"; done
}

check_kafka() {
  local offset
  for offset in 0 $controller_port $sasl_port $sasl_ssl_port $ssl_port; do
    if [[ $offset != "$controller_port" || $kafka_version != 3.* ]]; then port_free "$1" "$(node_port "$1" "$offset")"; fi
  done
}

prepare_kafka() {
  download "kafka-$kafka_version" fetch_kafka
  server_properties "$1" >"$state/conf/$1.properties"
  [[ $kafka_version == 4.* && ! -f $state/$1/meta.properties ]] || return 0
  if [[ ! -f $state/cluster.id ]]; then
    openssl rand -hex 11 >"$state/cluster.id" # 22 characters of the 64 that Kafka allows
  fi
  local size users=()
  for size in 256 512; do users+=(--add-scram "SCRAM-SHA-$size=[name=$kafka_user,password=$kafka_password]"); done
  kafka_tool kafka.tools.StorageTool format -t "$(<"$state/cluster.id")" -c "$state/conf/$1.properties" "${users[@]}" \
    >"$state/logs/$1-format.log" 2>&1 || die "formatting $1 failed: $(tail -n 1 "$state/logs/$1-format.log")"
}

launch_kafka() {
  local options java
  read -ra options <<<"${MILLRACE_STACK_JAVA:--Xmx512m}"
  java_command INFO "${options[@]}"
  # ZooKeeper takes a broker that was killed for alive until its session has run out, and lets nobody else have its number.
  if [[ $kafka_version == 3.* && -f $state/$1/meta.properties && ! -f $state/$1/.kafka_cleanshutdown ]]; then sleep 7; fi
  spawn "$1" "${java[@]}" kafka.Kafka "$state/conf/$1.properties"
}

serves_kafka() { grep -qE 'Kafka Server started|\[KafkaServer id=[0-9]+\] started' "$state/logs/$1.log"; }

# On ZooKeeper SCRAM users are made by a broker that runs.
finish_kafka() {
  [[ $kafka_version == 3.* && ! -f $state/kafka1/.users ]] || return 0
  local size
  for size in 256 512; do
    kafka_tool kafka.admin.ConfigCommand --bootstrap-server "$(address_kafka kafka1)" --alter --entity-type users --entity-name "$kafka_user" \
      --add-config "SCRAM-SHA-$size=[password=$kafka_password]" >"$state/logs/users.log" 2>&1 || die "cannot add the SCRAM user: $(tail -n 1 "$state/logs/users.log")"
  done
  touch "$state/kafka1/.users"
}

check_zookeeper() { port_free zookeeper "$(zookeeper_port)"; }

prepare_zookeeper() {
  download "kafka-$kafka_version" fetch_kafka
  printf '%s\n' "dataDir=$state/zookeeper" "clientPort=$(zookeeper_port)" clientPortAddress=127.0.0.1 maxClientCnxns=0 admin.enableServer=false \
    >"$state/conf/zookeeper.properties"
}

launch_zookeeper() {
  local java
  java_command INFO -Xmx128m
  spawn zookeeper "${java[@]}" org.apache.zookeeper.server.quorum.QuorumPeerMain "$state/conf/zookeeper.properties"
}

serves_zookeeper() { (exec 3<>"/dev/tcp/127.0.0.1/$(zookeeper_port)"); }
