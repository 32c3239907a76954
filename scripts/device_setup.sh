#!/usr/bin/env bash
# What tests on real devices' parts need: Chromium and npm for browsers, sshd and ssh for boards, adb for
# Android; and the browser's runtimes. Installs what is missing on Debian as root; elsewhere the tests skip
# what they miss and say so.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin" # of sshd
missing=()
command -v chromium > /dev/null || command -v google-chrome > /dev/null || missing+=(chromium)
command -v npm > /dev/null || missing+=(npm)
command -v sshd > /dev/null || missing+=(openssh-server)
command -v ssh > /dev/null || missing+=(openssh-client)
command -v adb > /dev/null || missing+=(adb)
if [ ${#missing[@]} -ne 0 ]; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
        echo "not installed, and their tests will be skipped: ${missing[*]}" >&2
    else
        apt-get update -qq
        # RUNLEVEL: the tests start their own sshd, Debian need not
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${missing[@]}"
    fi
fi
if command -v npm > /dev/null; then
    make .venv/ready
    .venv/bin/lstm-edge web-runtimes
fi
