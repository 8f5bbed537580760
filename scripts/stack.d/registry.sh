# Sourced by scripts/stack: a schema registry with Confluent's API, Apicurio 2.6, which runs on Java 17. It keeps nothing.

address_registry() { printf 'http://127.0.0.1:%s/apis/ccompat/v7' "$registry_port"; }

check_registry() { port_free "$1" "$registry_port"; }

fetch_registry() {
  maven "-Dmaven.repo.local=$2" "$dependency_plugin:copy" -Dartifact=io.apicurio:apicurio-registry-app:2.6.13.Final:tar.gz:all "-DoutputDirectory=$1"
}

prepare_registry() {
  download registry-2.6.13 fetch_registry
  mkdir -p "$state/registry"
  tar xzf "$cache/registry-2.6.13/apicurio-registry-app-2.6.13.Final-all.tar.gz" -C "$state/registry"
}

launch_registry() {
  spawn registry java -Xmx384m -XX:TieredStopAtLevel=1 -Dquarkus.http.host=127.0.0.1 "-Dquarkus.http.port=$registry_port" \
    -jar "$state/registry/apicurio-registry-app-2.6.13.Final-runner.jar"
}

serves_registry() { (exec 3<>"/dev/tcp/127.0.0.1/$registry_port") && grep -q ' started in ' "$state/logs/registry.log"; }
