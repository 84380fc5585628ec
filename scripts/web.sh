#!/usr/bin/env bash
# The site: installs its packages where they changed, and builds it into web/build, which the program takes in.
#
#   scripts/web.sh            build
#   scripts/web.sh check      also types, tests and budgets
#   scripts/web.sh e2e        the built site in a real browser, served by target/debug/dria-bench
#   scripts/web.sh pictures   draws docs/images/site-*.png anew
#   scripts/web.sh dev        the site as it is edited, in front of a server filled for it
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$PROJECT/web"

node_is_new_enough() {
  have npm && have node &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

node_is_new_enough || fail "the site needs Node.js 20.19 or newer with npm. Install it from https://nodejs.org and try again"

# The stamp is inside what it is about: an install that was cut short has none.
stamp=node_modules/.installed
if [ "$(cat "$stamp" 2>/dev/null)" != "$(cksum package-lock.json)" ]; then
  say "installing the site's packages ..."
  npm ci --no-audit --no-fund --loglevel=error >&2
  cksum package-lock.json >"$stamp"
fi

build() {
  npm run --silent build >&2
  # Cargo can't watch a folder that wasn't there.
  touch ../build.rs
}

case "${1:-build}" in
build) build ;;
check)
  npm run --silent check
  npm run --silent test
  build
  node budgets.mjs
  ;;
e2e) npm run --silent e2e ;;
pictures) node e2e/pictures.mjs ;;
dev)
  port="${PORT:-8123}"
  node e2e/site/site.mjs --port "$port" &
  trap 'kill %1 2>/dev/null; wait' EXIT
  DRIA_BENCH_URL="http://127.0.0.1:$port" npm run --silent dev
  ;;
*) fail "unknown: $1. Try one of: build, check, e2e, pictures, dev" ;;
esac
