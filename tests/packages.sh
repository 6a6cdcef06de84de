#!/bin/sh
# Installs what tests need beside Python, where this is root on Debian; says so elsewhere.
# Usage: packages.sh [PACKAGE…]; without any, what make test needs.
set -eu
wanted="${*:-mosquitto postgresql victoria-metrics dbus chromium systemd debootstrap}"
missing=""
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    # shellcheck disable=SC2086
    apt-get -qq -y --no-install-recommends install $missing >/dev/null
else
    echo "Not installed, their tests are skipped:$missing" >&2
fi
