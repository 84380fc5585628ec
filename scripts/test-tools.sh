#!/usr/bin/env bash
# Installs what `make test` needs and isn't here yet: packages of the system, and Python packages into .tools.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

have cargo || fail "Rust is not here. Install it from https://rustup.rs and try again"
missing=()
have cc || missing+=(build-essential)
have chromium || missing+=(chromium)
postgres_bin >/dev/null || missing+=(postgresql postgresql-contrib)
python_for_venv >/dev/null || missing+=(python3 python3-venv)
if [ "${#missing[@]}" -gt 0 ]; then
  apt_install "${missing[@]}" || exit 1
fi

for component in rustfmt clippy; do
  if ! cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1; then
    have rustup || fail "cargo has no $component. Install it (Debian: rustfmt, rust-clippy; rustup: rustup component add $component)"
    rustup component add "$component" >&2
  fi
done

llama_tools || fail "llama.cpp could not be installed: see above"
# Ollama's API in front of llama.cpp: Ollama's own program is in no package registry.
venv "$TOOLS/ollama-proxy" ollama-proxy-plus==0.1.0 || fail "ollama-proxy-plus could not be installed: see above"
# A MongoDB-wire server: MongoDB's own is in no package registry.
venv "$TOOLS/secantus" secantusdb==0.7.0b3 || fail "secantusdb could not be installed: see above"
venv "$TOOLS/schemathesis" schemathesis==4.32.5 || fail "schemathesis could not be installed: see above"
