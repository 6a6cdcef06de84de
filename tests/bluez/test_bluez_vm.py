"""The unmodified gateway on real BlueZ: see ``scenarios``. Needs QEMU; no privilege but a cache."""

import os
from pathlib import Path

import pytest

from tests.bluez import machine
from tests.bluez.names import CORE, EVERY
from tests.needs import missing

pytestmark = pytest.mark.bluez
WANTED = EVERY if os.environ.get("VICINO_BLUEZ") == "all" else CORE
_BOOT_SECONDS, _SCENARIO_SECONDS = 120, 150
Found = dict[str, str | None]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What the guest says of each scenario, after one boot for all of them."""
    if lacking := machine.lacking():
        missing(", ".join(lacking))
    results: Path = tmp_path_factory.mktemp("bluez")
    said = machine.run(WANTED, results, _BOOT_SECONDS + _SCENARIO_SECONDS * len(WANTED))
    for log in sorted((results / "log", *results.glob("*.log"))):
        print(f"--- {log.name}\n{log.read_text(errors='replace')}")
    return said


@pytest.mark.parametrize("name", WANTED)
def test_the_gateway_on_bluez(found: Found, name: str) -> None:
    assert name in found, "the guest never came to it"
    assert found[name] is None, found[name]
