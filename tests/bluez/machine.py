"""The virtual machine: its parts made once and kept, one run, and what it gives back."""

import hashlib
import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from server.authority import issue_gateway, make_authority

ROOT: Final = Path(__file__).parents[2]
_RECIPE: Final = Path(__file__).with_name("image.sh")
_PARTS: Final = ("kernel", "initramfs.gz", "root.img")
NEEDED: Final = ("qemu-system-x86_64", "debootstrap", "busybox", "cpio", "depmod", "mke2fs")


def lacking() -> list[str]:
    """Return the programs that are needed and not installed."""
    return [name for name in NEEDED if shutil.which(name) is None]


def parts() -> Path:
    """Return the folder with the machine's parts; made where this recipe has not made them yet."""
    name = hashlib.sha256(_RECIPE.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "vicino" / f"bluez-{name}"
    if not all((folder / part).exists() for part in _PARTS):
        making = folder.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        print("making the virtual machine: about two minutes, once", flush=True)
        subprocess.run(["sh", _RECIPE, making], check=True)
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)
    return folder


def run(scenarios: Sequence[str], results: Path, seconds: float) -> dict[str, str | None]:
    """Boot, run the scenarios, and return what became of each: None, or why it failed.

    A scenario that the guest never came to is missing. ``results`` keeps logs and console.
    """
    results.mkdir(parents=True, exist_ok=True)
    (results / "wanted.json").write_text(json.dumps(list(scenarios)))
    _make_keys(results / "keys")
    with (results / "console").open("wb") as console:
        subprocess.run(
            _command(parts(), results), stdout=console, stderr=console, timeout=seconds, check=False
        )
    found = results / "found.json"
    return json.loads(found.read_text()) if found.exists() else {}


def _command(folder: Path, results: Path) -> list[str]:
    shares = {
        "programs": (ROOT, "on"),
        "site": (Path(sysconfig.get_path("purelib")), "on"),
        "results": (results, "off"),
    }
    mounts = [
        f"local,path={path},mount_tag={tag},security_model=none,readonly={only}"
        for tag, (path, only) in shares.items()
    ]
    return [
        *("qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max"),
        *("-smp", "2", "-m", "1024", "-nodefaults", "-display", "none", "-serial", "stdio"),
        *("-no-reboot", "-kernel", str(folder / "kernel")),
        *("-initrd", str(folder / "initramfs.gz")),
        *("-append", "console=ttyS0 quiet panic=1"),
        *("-drive", f"file={folder / 'root.img'},if=virtio,format=raw,snapshot=on"),
        *(part for mount in mounts for part in ("-virtfs", mount)),
        *("-device", "virtio-rng-pci"),
    ]


def _make_keys(folder: Path) -> None:
    """Give the gateway a certificate that it never comes to use: no broker is in the guest."""
    now = datetime.now(UTC)
    make_authority(folder, now)
    issued = issue_gateway(folder, "gw-001", now)
    (folder / "gw-001.key").write_bytes(issued.key)
    (folder / "gw-001.crt").write_bytes(issued.certificate)
