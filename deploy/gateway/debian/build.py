"""Makes the gateway's Debian package: ``python deploy/gateway/debian/build.py --arch arm64``.

For Debian 12, whose Python is 3.11: this program's own Python must be that too, because the lock
file's conditions are judged by it. The libraries are the wheels that ``requirements/gateway.txt``
names by their hashes; nothing is fetched on the box. Equal sources make an equal file.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

OWN: Final = Path(__file__).resolve().parent
ROOT: Final = OWN.parents[2]
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
PACKAGES: Final = ("contract/", "gateway/", "device_profiles/")
SCRIPTS: Final = ("postinst", "prerm", "postrm")
# glibc 2.36 runs all of them; pip does not know that one tag holds another.
_TAGS: Final = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
_CONTROL: Final = """\
Package: vicino-gateway
Version: {version}
Architecture: {arch}
Maintainer: The authors of Vicino <vicino@example.org>
Section: net
Priority: optional
Depends: python3 (>= 3.11), python3 (<< 3.12), bluez, ca-certificates, dbus, openssl,
 systemd, tzdata
Installed-Size: {kilobytes}
Description: Vicino gateway: reads the devices of a home
 Reads blood pressure cuffs, oximeters, scales, thermometers and glucose meters over Bluetooth,
 and keeps every measurement until the server of the Community Health Centre has stored it.
"""


def build(arch: str, revision: int, into: Path) -> Path:
    """Make the package and return its path. Raises ``CalledProcessError`` where a tool fails."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = f"{tomllib.load(file)['project']['version']}-{revision}"
    into.mkdir(parents=True, exist_ok=True)
    made = into / f"vicino-gateway_{version}_{arch}.deb"
    with tempfile.TemporaryDirectory(prefix="vicino-deb-") as folder:
        tree = Path(folder) / "tree"
        _libraries(tree / "usr/lib/vicino-gateway/python", MACHINES[arch])
        _own_code(tree / "usr/lib/vicino-gateway/python", Path(folder))
        _files(tree)
        _control(tree, version, arch)
        _readable(tree)
        _run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(made))
    return made


def _libraries(into: Path, machine: str) -> None:
    tags = [word for tag in _TAGS for word in ("--platform", f"{tag}_{machine}")]
    lock = ["--require-hashes", "--requirement", str(ROOT / "requirements/gateway.txt")]
    only = ["--only-binary", ":all:", "--no-deps", "--no-compile", "--python-version", "3.11"]
    _pip("install", "--target", str(into), *only, *tags, *lock)


def _own_code(into: Path, work: Path) -> None:
    """Put in what the box runs of our wheel: neither server nor simulators."""
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(work), str(ROOT))
    (wheel,) = work.glob("vicino-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            if name.startswith(PACKAGES) or name.endswith((".dist-info/METADATA", "/WHEEL")):
                packed.extract(name, into)


def _files(tree: Path) -> None:
    units, documents = ROOT / "deploy/gateway", "usr/share/doc/vicino-gateway"
    places = {
        OWN / "vicino-gateway": "usr/bin/vicino-gateway",
        units / "radio-recovery": "usr/lib/vicino-gateway/radio-recovery",
        OWN / "gateway.toml": f"{documents}/gateway.toml",
        OWN / "copyright": f"{documents}/copyright",
        ROOT / "README.md": f"{documents}/README.md",
        **{unit: f"lib/systemd/system/{unit.name}" for unit in units.glob("vicino-*.*")},
    }
    for source, place in places.items():
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, tree / place)


def _control(tree: Path, version: str, arch: str) -> None:
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    (tree / "DEBIAN").mkdir()
    text = _CONTROL.format(version=version, arch=arch, kilobytes=-(-size // 1024))
    (tree / "DEBIAN/control").write_text(text)
    for name in SCRIPTS:
        shutil.copyfile(OWN / name, tree / "DEBIAN" / name)


def _readable(tree: Path) -> None:
    """Give every file the mode it has on a box, whatever this machine's umask is."""
    runs = {tree / "DEBIAN" / name for name in SCRIPTS}
    runs |= {tree / "usr/bin/vicino-gateway", tree / "usr/lib/vicino-gateway/radio-recovery"}
    for path in (tree, *tree.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path in runs else 0o644)


def _pip(*words: str) -> None:
    _run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": _epoch()})


def _epoch() -> str:
    """Return the time that files have: the one told, else that of the last commit."""
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        return told
    asked = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def main(words: Sequence[str] | None = None) -> int:
    """Parse, build, and print the package's path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", choices=MACHINES, default="amd64")
    parser.add_argument("--revision", type=int, default=1, metavar="N")
    parser.add_argument("--into", type=Path, default=ROOT / "build", metavar="FOLDER")
    asked = parser.parse_args(words)
    if sys.version_info[:2] != (3, 11):
        print("Debian 12's Python is 3.11: build with that", file=sys.stderr)
        return 2
    print(build(asked.arch, asked.revision, asked.into))
    return 0


if __name__ == "__main__":
    sys.exit(main())
