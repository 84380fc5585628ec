#!/usr/bin/env bash
# Every check, each with its name and time. All of them run even if one fails; the exit code tells.
#
#   scripts/test.sh            all
#   scripts/test.sh lint       only the ones named: tools, format, scripts, web, lint, docs, deny, test, e2e
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$PROJECT"

wanted=("$@")
report=()
failed=0

# stage NAME COMMAND...
stage() {
  local name="$1" started result
  shift
  if [ "${#wanted[@]}" -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then
    return 0
  fi
  started=$SECONDS
  say "== $name"
  if "$@"; then
    result=ok
  else
    result=FAILED
    failed=1
  fi
  report+=("$(printf '%-8s %-6s %4d s' "$name" "$result" $((SECONDS - started)))")
  say "== ${report[-1]}"
}

# shellcheck disable=SC2317 # the functions below are run by stage
docs() { RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps; }

# shellcheck disable=SC2317
scripts() {
  if ! have shellcheck; then
    apt_install shellcheck || {
      say "shellcheck is not here: the scripts are not checked"
      return 0
    }
  fi
  shellcheck -x .ci/run scripts/*.sh
}

# shellcheck disable=SC2317
deny() {
  if ! cargo deny --version >/dev/null 2>&1; then
    say "cargo-deny is not here (cargo install cargo-deny): licences, banned crates and sources are not checked"
    return 0
  fi
  cargo deny --offline check bans licenses sources
}

stage tools scripts/test-tools.sh
if [ "$failed" = 1 ]; then
  exit 1
fi
stage format cargo fmt --check
stage scripts scripts
stage web scripts/web.sh check
stage lint cargo clippy --quiet --workspace --all-targets -- -D warnings
stage docs docs
stage deny deny
stage test cargo test --no-fail-fast
stage e2e scripts/web.sh e2e

say ""
say "stages:"
printf '  %s\n' "${report[@]}" >&2
exit "$failed"
