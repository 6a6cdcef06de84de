#!/bin/sh
# Makes what the guest needs, in the folder given: kernel, initramfs.gz, root.img. About two minutes.
# Debian's kernel and bluetoothd as they are, from the archive that this machine uses; the programs
# under test come in over 9p, unmodified.
set -eu
into=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' | awk '$2 == "bookworm" { print $1; exit }')
release=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: linux-image-//p' | head -n 1)

echo "kernel $release"
(cd "$work" && apt-get -qq download "linux-image-$release" && dpkg-deb -x linux-image-*.deb kernel)
cp "$work/kernel/boot/vmlinuz-$release" "$into/kernel"

echo "root file system"
debootstrap --variant=minbase \
    --include=bluez,dbus,python3-minimal,libpython3-stdlib,kmod,libssl3,ca-certificates \
    bookworm "$work/root" "$archive" >"$into/debootstrap.log"
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/usr/share/doc "$work"/root/usr/share/locale

# Only the modules that are used: disk, 9p, virtual HCI, and what Bluetooth's pairing computes with.
modules="virtio_pci virtio_blk ext4 crc32c_generic hci_vhci bluetooth 9p 9pnet_virtio cmac ecb
aes_generic algif_hash algif_skcipher ecdh_generic drbg jitterentropy_rng hmac sha512_generic
sha256_generic ctr ccm uhid virtio_rng overlay"
depmod --basedir "$work/kernel" "$release"
for module in $modules; do
    modprobe --dirname "$work/kernel" --set-version "$release" --show-depends "$module" 2>/dev/null || true
done | awk '$1 == "insmod" { print $2 }' | sort -u >"$work/modules"
mkdir -p "$work/root/lib/modules/$release"
while read -r module; do
    inside=${module#"$work/kernel/lib/modules/$release/"}
    mkdir -p "$work/root/lib/modules/$release/$(dirname "$inside")"
    cp "$module" "$work/root/lib/modules/$release/$inside"
done <"$work/modules"
cp "$work"/kernel/lib/modules/"$release"/modules.builtin* "$work"/kernel/lib/modules/"$release"/modules.order \
    "$work/root/lib/modules/$release/"
depmod --basedir "$work/root" "$release"

echo "disk"
mke2fs -q -t ext4 -d "$work/root" "$into/root.img" 700M

echo "initramfs"
mkdir -p "$work/initramfs/bin" "$work/initramfs/modules" "$work/initramfs/dev" "$work/initramfs/proc" \
    "$work/initramfs/root"
cp "$(command -v busybox)" "$work/initramfs/bin/busybox"
order=""
for module in virtio_pci virtio_blk ext4 crc32c_generic; do
    for file in $(modprobe --dirname "$work/kernel" --set-version "$release" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'); do
        cp "$file" "$work/initramfs/modules/"
        order="$order $(basename "$file")"
    done
done
cat >"$work/initramfs/init" <<INIT
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
for module in $order; do /bin/busybox insmod /modules/\$module 2>/dev/null; done
for second in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/vda ] && break; /bin/busybox sleep 1; done
/bin/busybox mount -t ext4 /dev/vda /root
exec /bin/busybox switch_root /root /bin/sh -c 'mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; modprobe 9p 2>/dev/null; modprobe 9pnet_virtio; mkdir -p /programs; mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose programs /programs; exec /bin/sh /programs/tests/bluez/guest.sh'
INIT
chmod +x "$work/initramfs/init"
(cd "$work/initramfs" && find . | busybox cpio -o -H newc | gzip -1) >"$into/initramfs.gz"
