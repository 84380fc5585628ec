#!/usr/bin/env bash
# Rewrites .sqlx, the descriptions of all SQL that builds are checked against: starts a throw-away PostgreSQL, brings
# it to the schema of the job queue and of migrations/, and builds against it.
#
# The migrations are applied with psql, not with our own `migrate` command: that would have to be built first, and it
# doesn't build while a query and .sqlx disagree.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$PROJECT"

bin="$(postgres_bin)" || fail "no PostgreSQL was found. Debian: apt-get install postgresql postgresql-contrib"
psql="$(PATH="$bin:$PATH" command -v psql)" || fail "psql was not found. Debian: apt-get install postgresql-client"
python="$(command -v python3)" || fail "python3 was not found"

scratch="$(mktemp -d "${TMPDIR:-/tmp}/dria-sqlx.XXXXXX")"
cleanup() {
  as_server_user "$bin/pg_ctl" -D "$scratch/data" -m immediate -s stop >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
trap cleanup EXIT
if is_root; then
  chown "$(server_user)" "$scratch"
fi

say "starting a throw-away PostgreSQL ..."
# A socket in the scratch folder and no TCP: nobody else can meet it.
as_server_user env LC_ALL=C "$bin/initdb" -D "$scratch/data" -U dria -A trust -E UTF8 --locale=C --no-sync >/dev/null
as_server_user "$bin/pg_ctl" -D "$scratch/data" -s -w -l "$scratch/log" \
  -o "-F -c listen_addresses='' -c unix_socket_directories='$scratch'" start ||
  fail "PostgreSQL does not start: $(tail -n 5 "$scratch/log")"

apply() {
  env -u PGHOST -u PGPORT "$psql" -X -q -v ON_ERROR_STOP=1 -h "$scratch" -U dria -d postgres --single-transaction "$@" >/dev/null
}
host="$(rustc -vV | sed -n "s/^host: //p")"
apalis="$(cargo metadata --format-version 1 --locked --filter-platform "$host" | "$python" -c '
import json, os, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "apalis-postgres":
        print(os.path.join(os.path.dirname(package["manifest_path"]), "migrations"))')"
apply -c 'create schema if not exists apalis'
for migration in "$apalis"/*.sql migrations/*.sql; do
  [ -e "$migration" ] || continue
  PGOPTIONS="-c client_min_messages=warning" apply -f "$migration" || fail "$migration can't be applied"
done

# The dependencies first, and against their own descriptions: the ones with checked queries read the same variables.
SQLX_OFFLINE=true cargo build --quiet --lib >/dev/null 2>&1 || true

say "building against it ..."
rm -rf .sqlx.new
mkdir .sqlx.new
# The checks run when the crate is compiled, so it has to be. Unset, DATABASE_URL can't reach a dependency.
touch src/lib.rs src/main.rs
env -u DATABASE_URL SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$PROJECT/.sqlx.new" \
  DRIA_BENCH_SQLX_URL="postgres://dria@localhost/postgres?host=$scratch" \
  cargo check --quiet --all-targets || fail "it does not build: see above. .sqlx is as it was"
rm -rf .sqlx
mv .sqlx.new .sqlx
touch src/lib.rs src/main.rs
say "wrote .sqlx: $(find .sqlx -name 'query-*.json' | wc -l | tr -d ' ') queries. Commit it with the change"
