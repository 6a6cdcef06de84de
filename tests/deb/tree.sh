#!/bin/sh
# Makes a Debian 12 with what the package depends on: tree.sh FOLDER ARCHITECTURE. A minute or two.
# Another architecture than this machine's is only unpacked: its maintainer scripts cannot run.
set -eu
into=$1
architecture=$2
archive=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' | awk '$2 == "bookworm" { print $1; exit }')
depends=python3,bluez,dbus,openssl,ca-certificates,tzdata,systemd,init-system-helpers
foreign=""
[ "$architecture" = "$(dpkg --print-architecture)" ] || foreign=--foreign
# shellcheck disable=SC2086
debootstrap $foreign --arch="$architecture" --variant=minbase --include="$depends" \
    bookworm "$into" "$archive" >"$into.log"
if [ -n "$foreign" ]; then
    for package in "$into"/var/cache/apt/archives/*.deb; do
        dpkg-deb -x "$package" "$into"
    done
fi
rm -rf "$into"/var/cache/apt/archives/*.deb "$into"/usr/share/doc/* "$into"/usr/share/locale/*
