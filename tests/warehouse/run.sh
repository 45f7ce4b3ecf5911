#!/usr/bin/env bash
# Runs a command with ADBC drivers and a PostgreSQL of its own on loopback, where the machine can have them:
#   SHOCKBRIEF_ADBC      folder with the drivers' libraries, SHOCKBRIEF_POSTGRES  address of an empty database.
# What cannot be had is said, and the command runs without it.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
drivers=$root/.tools/adbc
version=1.13.0

install_drivers() {
  local wheels
  wheels=$(mktemp -d)
  python3 -m pip download --quiet --no-deps --disable-pip-version-check -d "$wheels" \
    "adbc-driver-sqlite==$version" "adbc-driver-postgresql==$version" >/dev/null 2>&1 || return 1
  mkdir -p "$drivers"
  python3 - "$wheels" "$drivers" <<'PY'
import pathlib, sys, zipfile
for wheel in pathlib.Path(sys.argv[1]).glob("*.whl"):
    with zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            if name.endswith(".so") and "/libadbc_driver_" in name:
                (pathlib.Path(sys.argv[2]) / pathlib.Path(name).name).write_bytes(files.read(name))
PY
  rm -rf "$wheels"
}

postgres_bin() {
  local folder
  for folder in /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && { echo "$folder"; return; }
  done
  return 1
}

# PostgreSQL refuses to run as root.
as_user() {
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

start_postgres() {
  bin=$(postgres_bin) || {
    [ "$(id -u)" = 0 ] && apt-get install -y -qq postgresql >/dev/null 2>&1 || return 1
    bin=$(postgres_bin) || return 1
  }
  cluster=$(mktemp -d)
  [ "$(id -u)" = 0 ] && chown postgres "$cluster"
  as_user "$bin/initdb" -D "$cluster/data" -U desk -A trust -E UTF8 --locale=C >/dev/null
  port=$((20000 + RANDOM % 20000))
  as_user "$bin/pg_ctl" -D "$cluster/data" -w -l "$cluster/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$cluster -c fsync=off" start >/dev/null
  trap 'as_user "$bin/pg_ctl" -D "$cluster/data" -m immediate stop >/dev/null; rm -rf "$cluster"' EXIT
  export SHOCKBRIEF_POSTGRES="postgresql://desk@127.0.0.1:$port/postgres"
}

if [ -s "$drivers/libadbc_driver_sqlite.so" ] || install_drivers; then
  export SHOCKBRIEF_ADBC=$drivers
  start_postgres || echo "left out: the warehouse on PostgreSQL (install Debian's postgresql)"
else
  echo "left out: warehouses (python3 -m pip could not get the ADBC drivers)"
fi
"$@"
