#!/bin/sh
# The guest's first process, after its disk and /programs (this project) are there. What comes back
# is a file in /results: a line lost on the console cannot be misread as a pass.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t tmpfs bonds /var/lib/bluetooth
mkdir -p /run/dbus /site /results
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose site /site
mount -t 9p -o trans=virtio,version=9p2000.L,rw,msize=262144 results /results
for module in hci_vhci bluetooth cmac ecb aes_generic algif_hash algif_skcipher ecdh_generic drbg \
    hmac sha512_generic sha256_generic ctr ccm uhid virtio_rng; do
    modprobe "$module" 2>/dev/null
done
dbus-uuidgen --ensure
dbus-daemon --system --fork
cd /programs
PYTHONPATH=/programs:/site PYTHONDONTWRITEBYTECODE=1 python3 -m tests.bluez.guest >/results/log 2>&1
echo "$?" >/results/status
sync
echo o >/proc/sysrq-trigger
sleep 60
