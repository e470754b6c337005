# Shared by the scripts beside it: where things are, what is missing, how to say so. Sourced, never run.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# The lowest that the bundler and the scripts run on; Debian 12 carries it.
NODE_MIN_MAJOR=18

say() { printf '%s\n' "$*" >&2; }
step() { printf '\n\033[1m== %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$1" >&2; shift; for line in "$@"; do printf '  %s\n' "$line" >&2; done; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

is_debian() { [ -r /etc/os-release ] && grep -qE '^(ID|ID_LIKE)=.*(debian|ubuntu)' /etc/os-release; }
may_install() { [ "$(id -u)" = 0 ] && is_debian && has apt-get; }

# apt_install PACKAGE…: installs where this is root on Debian or Ubuntu, and says so; else fails.
apt_install() {
  may_install || return 1
  say "正在安装系统软件包 (apt-get install): $*"
  if [ -z "${APT_UPDATED:-}" ]; then
    apt-get update -qq >&2 || return 1
    APT_UPDATED=1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# need COMMAND PACKAGE…: the command is there, or is installed, or the script ends and says how to get it.
need() {
  local command="$1"; shift
  has "$command" && return 0
  apt_install "$@" || true
  has "$command" || die "需要 $command，这台机器上没有" "请安装，例如: sudo apt-get install $*"
}

node_major() { node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/'; }

need_node() {
  need node nodejs npm
  need npm npm
  [ "$(node_major)" -ge "$NODE_MIN_MAJOR" ] ||
    die "node $(node --version) 太旧，需要 $NODE_MIN_MAJOR 或更新" "请升级 Node.js (Debian 12, Ubuntu 24.04 自带的就够)"
}

# rustup reads rust-toolchain.toml and fetches that toolchain by itself.
need_rust() {
  [ -d "$HOME/.cargo/bin" ] && PATH="$HOME/.cargo/bin:$PATH"
  need cc gcc libc6-dev
  if ! has cargo; then
    apt_install rustup || true
  fi
  has cargo || die "需要 Rust (cargo)，这台机器上没有" "请安装 rustup，然后再运行一次；工具链的版本写在 rust-toolchain.toml 里" \
    "Debian 13, Ubuntu 24.04: sudo apt-get install rustup"
  (cd "$ROOT" && cargo --version >/dev/null) ||
    die "$(sed -n 's/^channel = //p' "$ROOT/rust-toolchain.toml" | tr -d '"') 的 Rust 工具链装不上" "请看上面的原因；手动: rustup toolchain install"
}

# npm_ci FOLDER: exact dependencies from the lock file, only when that changed.
npm_ci() {
  local folder="$1" stamp="$1/node_modules/.kapok-lock" lock
  lock="$(cksum <"$folder/package-lock.json")"
  if [ -r "$stamp" ] && [ "$(cat "$stamp")" = "$lock" ]; then
    return 0
  fi
  say "npm ci (${folder#"$ROOT"/})"
  (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error >&2)
  printf '%s' "$lock" >"$stamp"
}

target_dir() { printf '%s' "${CARGO_TARGET_DIR:-$ROOT/target}"; }

# Seconds of this script, as people read them.
elapsed() { printf '%d 分 %02d 秒' $((SECONDS / 60)) $((SECONDS % 60)); }
