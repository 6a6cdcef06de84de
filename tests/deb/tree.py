"""A Debian 12 to install into: made once and kept, a copy for each test."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.needs import missing

ROOT: Final = Path(__file__).parents[2]
BUILD: Final = ROOT / "deploy/gateway/debian/build.py"
_RECIPE: Final = Path(__file__).with_name("tree.sh")


def kept(arch: str) -> Path:
    """Return the tree of that architecture; made where this recipe has not made it yet."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a Debian tree and change into it")
    if shutil.which("debootstrap") is None:
        missing("debootstrap")
    name = hashlib.sha256(_RECIPE.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "vicino" / f"debian-{arch}-{name}"
    if not folder.exists():
        making = folder.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        subprocess.run(["sh", _RECIPE, making, arch], check=True, timeout=600)
        making.rename(folder)
    return folder


def copied(arch: str, into: Path) -> Path:
    """Return a copy that a test may change."""
    subprocess.run(["cp", "--archive", "--reflink=auto", kept(arch), into], check=True)
    return into


def built(arch: str, revision: int, into: Path) -> Path:
    """Make the package as ``make deb`` does; return its path."""
    options = ["--arch", arch, "--revision", str(revision), "--into", into]
    subprocess.run([sys.executable, BUILD, *options], check=True, timeout=300)
    return into / f"vicino-gateway_0.1.0-{revision}_{arch}.deb"


def said(tree: Path, *command: str) -> str:
    """Run a program inside the tree and return what it prints. It must succeed."""
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["chroot", tree, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=path,
        cwd="/",
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
