#!/usr/bin/env bash
# Measures the measuring instrument against the truth server, then how quickly steps follow each other, all on this
# machine: builds, prints a table each (docs/methodology.md; docs/state-machine.md, What shows it), and ends with 1 when a
# target is missed. About ten minutes; leave the machine alone meanwhile.
#
#   scripts/bench.sh                 all
#   scripts/bench.sh levels          only the parts named: levels, ceilings, parsers, scale
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$PROJECT"

built="${CARGO_TARGET_DIR:-target}/demo"
missed=0
instrument=()
scale=0
for part in "$@"; do
  if [ "$part" = scale ]; then scale=1; else instrument+=("$part"); fi
done

if [ "$#" -eq 0 ] || [ "${#instrument[@]}" -gt 0 ]; then
  cargo build --profile demo -p instrument --bin instrument >&2
  "$built/instrument" "${instrument[@]}" || missed=1
fi
if [ "$#" -eq 0 ] || [ "$scale" = 1 ]; then
  cargo build --profile demo -p dria-bench -p scale --bin dria-bench --bin scale >&2
  "$built/scale" "$built/dria-bench" || missed=1
fi
exit "$missed"
