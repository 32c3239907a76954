#!/usr/bin/env bash
# What tests in a real browser need: Chromium of the system, and the browser's runtimes by npm.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v chromium || command -v chromium-browser || command -v google-chrome || missing+=(chromium)
command -v npm || missing+=(npm)
if ((${#missing[@]})); then
    if [[ $(id -u) != 0 ]] || ! command -v apt-get; then
        echo "browser_setup: install ${missing[*]} first" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update
    apt-get -q install -y --no-install-recommends "${missing[@]}"
fi
make .venv/ready
.venv/bin/lstm-edge web-runtimes
