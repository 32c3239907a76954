#!/usr/bin/env bash
# What the tests of other devices need from the system: sshd and ssh for a board, adb for Android.
# Installs what is missing on Debian as root; elsewhere the tests skip what they miss and say so.
set -euo pipefail
export PATH="$PATH:/usr/sbin"
missing=()
command -v sshd > /dev/null || missing+=(openssh-server)
command -v ssh > /dev/null || missing+=(openssh-client)
command -v adb > /dev/null || missing+=(adb)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
    echo "not installed, and their tests will be skipped: ${missing[*]}" >&2
    exit 0
fi
apt-get update -qq
# RUNLEVEL: the tests start their own sshd, Debian need not
RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
