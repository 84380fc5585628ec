#!/usr/bin/env bash
# Measures the measuring instrument against the truth server, both on this machine: builds, then prints the table of
# docs/methodology.md and ends with 1 when a target is missed. About three minutes; leave the machine alone meanwhile.
#
#   scripts/bench.sh                 all
#   scripts/bench.sh levels          only the parts named: levels, ceilings, parsers
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$PROJECT"

cargo build --profile demo -p instrument --bin instrument >&2
exec "${CARGO_TARGET_DIR:-target}/demo/instrument" "$@"
