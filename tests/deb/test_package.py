"""The gateway's package in a Debian of its own: installed, upgraded, removed, purged.

No systemd runs there: what it would do with the units is not tried, only that they are good.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deb import box
from tests.deb.tree import built, copied, said
from tests.needs import missing

pytestmark = pytest.mark.processes
UNITS = ("vicino-gateway.service", "vicino-radio-recovery.path", "vicino-radio-recovery.service")


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> Path:
    """Two revisions, made one after the other."""
    folder: Path = tmp_path_factory.mktemp("packages")
    for revision in (1, 2):
        built("amd64", revision, folder)
    return folder


@pytest.fixture
def tree(tmp_path):
    copy = copied("amd64", tmp_path / "tree")
    yield copy
    shutil.rmtree(copy)


def install(tree: Path, packages: Path, revision: int) -> None:
    name = f"vicino-gateway_0.1.0-{revision}_amd64.deb"
    shutil.copy(packages / name, tree / "tmp")
    said(tree, "dpkg", "--install", f"/tmp/{name}")
    (tree / "tmp" / name).unlink()


def files(tree: Path) -> set[str]:
    """Everything in the tree but dpkg's own records and what a box knows."""
    own = ("var/lib/dpkg", "var/log", "var/cache", "etc/vicino", box.STATE, box.LINK)
    names = (str(path.relative_to(tree)) for path in tree.rglob("*"))
    return {name for name in names if not name.startswith(own)}


def test_it_lives_and_goes_as_a_package_should(tree, packages, tmp_path):
    before = files(tree)
    install(tree, packages, 1)
    for uuid, value, meaning in box.published()[:5]:
        assert json.loads(said(tree, "vicino-gateway", "decode", uuid, value)) == meaning
    assert (tree / "usr/lib/vicino-gateway/python/gateway/__pycache__").is_dir()

    box.use(tree, tmp_path / "keys")
    said(tree, "systemctl", "--root=/", "enable", *UNITS[:2])
    held = said(tree, "vicino-gateway", "export")
    assert len(held.splitlines()) == 1 + box.WAITING
    known = (tree / box.SETTINGS).read_text()

    install(tree, packages, 2)
    assert said(tree, "dpkg-query", "-Wf", "${Version}", "vicino-gateway") == "0.1.0-2"
    assert said(tree, "vicino-gateway", "export") == held
    assert (tree / box.SETTINGS).read_text() == known
    assert list(tree.glob("etc/systemd/system/*.wants/vicino-gateway.*"))

    said(tree, "dpkg", "--remove", "vicino-gateway")
    assert files(tree) - before == set()
    said(tree, "dpkg", "--purge", "vicino-gateway")
    assert (tree / box.STATE / "outbox.db").exists()
    install(tree, packages, 2)
    assert said(tree, "vicino-gateway", "export") == held

    (tree / "etc/vicino/purge-everything").touch()
    said(tree, "dpkg", "--remove", "vicino-gateway")
    assert (tree / box.STATE / "outbox.db").exists()
    said(tree, "dpkg", "--purge", "vicino-gateway")
    assert not (tree / box.STATE).exists()
    assert not (tree / box.LINK).is_symlink()
    assert not (tree / "etc/vicino").exists()


def test_its_units_are_good_where_they_are_installed(tree, packages):
    if shutil.which("systemd-analyze") is None:
        missing("systemd")
    install(tree, packages, 1)
    check = ["systemd-analyze", "--no-pager", f"--root={tree}", "--man=no", "verify", *UNITS]
    answer = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stderr
    closed = ["systemd-analyze", "--no-pager", f"--root={tree}", "--offline=true"]
    command = [*closed, "--threshold=15", "security", UNITS[0]]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_equal_sources_make_an_equal_package(packages, tmp_path):
    again = built("amd64", 1, tmp_path)
    assert again.read_bytes() == (packages / again.name).read_bytes()
