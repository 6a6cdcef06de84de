"""The package for a Raspberry Pi, unpacked with all it depends on and run by an emulated processor.

Only programs that start no other are run: the emulator is called by name, as ``binfmt_misc`` may
not be there.
"""

import json
import shutil
import subprocess

import pytest

from tests.deb import box
from tests.deb.tree import built, copied, said
from tests.needs import missing

pytestmark = pytest.mark.emulated
QEMU = "qemu-aarch64-static"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    if (emulator := shutil.which(QEMU)) is None:
        missing("qemu-user-static")
    folder = tmp_path_factory.mktemp("arm64")
    copy = copied("arm64", folder / "tree")
    subprocess.run(["dpkg-deb", "-x", built("arm64", 1, folder), copy], check=True)
    shutil.copy(emulator, copy / "usr/bin" / QEMU)
    box.use(copy, folder / "keys")
    (copy / "proc" / str(box.PID)).mkdir()
    yield copy
    shutil.rmtree(copy)


def gateway(tree, *words: str) -> str:
    return said(tree, QEMU, "/usr/bin/python3", "-I", "/usr/bin/vicino-gateway", *words)


def test_the_processor_is_another(tree):
    asked = "import platform, sys; print(platform.machine(), *sys.version_info[:2])"
    assert said(tree, QEMU, "/usr/bin/python3", "-c", asked).split() == ["aarch64", "3", "11"]


def test_it_says_how_the_gateway_is(tree):
    status = json.loads(gateway(tree, "status", "--json"))
    assert (status["gateway"], status["outbox_depth"]) == ("gw-001", box.WAITING)


def test_it_decodes_every_published_example(tree):
    examples = box.published()
    lines = "".join(f"{uuid} {value}\n" for uuid, value, _ in examples)
    (tree / "tmp/examples").write_text(lines)
    printed = gateway(tree, "decode", "--file", "/tmp/examples").splitlines()
    assert [json.loads(line) for line in printed] == [meaning for *_, meaning in examples]


def test_it_reads_its_outbox(tree):
    assert len(gateway(tree, "export").splitlines()) == 1 + box.WAITING


def test_the_libraries_of_the_radio_and_the_broker_load(tree):
    asked = (
        "import sys; sys.path.insert(0, '/usr/lib/vicino-gateway/python');"
        "import dbus_fast._private.unmarshaller as fast, paho.mqtt.client, gateway.app;"
        "print(fast.__file__)"
    )
    assert said(tree, QEMU, "/usr/bin/python3", "-I", "-c", asked).endswith(".so\n")
