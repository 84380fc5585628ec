#!/usr/bin/env bash
# Measures the measuring instrument against the truth server, then how quickly steps follow each other, then reading a
# million prices, then public reads of a hundred thousand results, then the explorer of as many on a phone, then publishing to
# MongoDB while it is killed, all on this machine: builds, prints a table each (docs/methodology.md; docs/state-machine.md, What
# shows it; docs/prices.md; docs/api.md; docs/site.md; docs/publishing.md), and ends with 1 when a target is missed. About
# twenty minutes; leave the machine alone meanwhile.
#
#   scripts/bench.sh                 all
#   scripts/bench.sh levels          only the parts named: levels, ceilings, parsers, scale, prices, reads, site, sync
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$PROJECT"

built="${CARGO_TARGET_DIR:-target}/demo"
missed=0
instrument=()
scale=0
prices=0
reads=0
site=0
sync=0
for part in "$@"; do
  case "$part" in
    scale) scale=1 ;;
    prices) prices=1 ;;
    reads) reads=1 ;;
    site) site=1 ;;
    sync) sync=1 ;;
    *) instrument+=("$part") ;;
  esac
done

if [ "$#" -eq 0 ] || [ "${#instrument[@]}" -gt 0 ]; then
  cargo build --profile demo -p instrument --bin instrument >&2
  "$built/instrument" "${instrument[@]}" || missed=1
fi
if [ "$#" -eq 0 ] || [ "$scale" = 1 ]; then
  cargo build --profile demo -p dria-bench -p scale --bin dria-bench --bin scale >&2
  "$built/scale" "$built/dria-bench" || missed=1
fi
if [ "$#" -eq 0 ] || [ "$prices" = 1 ]; then
  cargo build --profile demo -p price-history --bin price-history >&2
  "$built/price-history" || missed=1
fi
if [ "$#" -eq 0 ] || [ "$reads" = 1 ]; then
  cargo build --profile demo -p dria-bench -p reads --bin dria-bench --bin reads >&2
  "$built/reads" "$built/dria-bench" || missed=1
fi
if [ "$#" -eq 0 ] || [ "$site" = 1 ]; then
  scripts/web.sh build
  cargo build --profile demo -p dria-bench --bin dria-bench >&2
  node web/e2e/speed.mjs "$built/dria-bench" || missed=1
fi
if [ "$#" -eq 0 ] || [ "$sync" = 1 ]; then
  secantusd="$TOOLS/secantus/bin/secantusd-py"
  [ -x "$secantusd" ] || fail "$secantusd isn't here: scripts/test-tools.sh installs it"
  cargo build --profile demo -p dria-bench -p publishing --bin dria-bench --bin publishing >&2
  "$built/publishing" "$built/dria-bench" "$secantusd" || missed=1
fi
exit "$missed"
