"""Ten alerts of the worklist, each followed back to the device's bytes and the receipt."""

import asyncio
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal

import pytest
import pytest_asyncio

from simulators.server_process import Visitor
from tests.chaos.district import District, district
from tests.chaos.homes import Home, quiet

pytestmark = [pytest.mark.processes, pytest.mark.broker]
ALERTS = 10
CHARACTERISTICS = {"cuff": "2a35", "scale": "2a9d", "oximeter": "2a5e"}
KEYS = {
    "systolic": "systolic_mmHg",
    "diastolic": "diastolic_mmHg",
    "pulse": "pulse_bpm",
    "spo2": "spo2_pct",
    "weight": "weight_kg",
}
ROW = re.compile(
    r'<tr data-evidence data-gateway="(?P<gateway>[^"]+)" data-epoch="(?P<epoch>[0-9a-f]{32})"'
    r' data-seq="(?P<seq>\d+)" data-raw="(?P<raw>[0-9a-f]+)">(?P<cells>.*?)</tr>',
    re.DOTALL,
)
RULE = re.compile(r"<code>((?:systolic|diastolic|pulse|spo2|weight)-[a-z0-9-]+)</code>")
VALUE = re.compile(r'<td class="numeric"[^>]*>\s*([\d.,]+)')
ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
RECEIPT = re.compile(r"receipt epoch=([0-9a-f]{32}) seq=(\d+)")


@dataclass(frozen=True)
class Evidence:
    """One row of an alert's page."""

    code: str
    gateway: str
    epoch: str
    seq: int
    raw: str
    value: Decimal
    device: str


@pytest_asyncio.fixture
async def whole(tmp_path):
    """Six homes that measured for five days; everything was judged."""
    running = district(tmp_path, seed=3, each=15, count=6)
    try:
        await running.open()
        for home in running.homes:
            await home.say(len(home.truth))
        await quiet(running.homes, 90)
        async with asyncio.timeout(20):
            while running.record.unjudged():
                await asyncio.sleep(0.1)
        yield running
    finally:
        await running.close()


async def test_ten_alerts_lead_back_to_the_devices_bytes(whole: District):
    nurse = Nurse(whole.server.url, "anna", whole.nurse)
    homes = {home.name: home for home in whole.homes}
    found = []
    for alert in nurse.worklist(ALERTS):
        proofs = nurse.evidence(alert)
        assert proofs, f"alert {alert} shows no evidence"
        found += proofs
    said = _decoded(homes, found)
    for proof, decoded in zip(found, said, strict=True):
        home = homes[proof.gateway]
        assert decoded[KEYS[proof.code]] == proof.value
        assert (proof.device, decoded["time"], proof.value) in _truth(home, proof.code)
        assert any(
            epoch == proof.epoch and int(seq) >= proof.seq
            for epoch, seq in RECEIPT.findall(home.log.read_text())
        ), f"{home.name} logged no receipt that covers {proof.seq}"


class Nurse(Visitor):
    """Reads what the pages show."""

    def worklist(self, count: int) -> list[str]:
        alerts = re.findall(r'data-alert="(\d+)"', self.get("/worklist"))
        assert len(alerts) >= count, f"only {len(alerts)} alerts on the worklist"
        return alerts[:count]

    def evidence(self, alert: str) -> list[Evidence]:
        page = self.get(f"/alerts/{alert}")
        rule = RULE.search(page)
        assert rule, f"alert {alert} names no rule"
        code = rule[1].partition("-")[0]
        return [_evidence(code, row) for row in ROW.finditer(page)]


def _evidence(code: str, row: re.Match[str]) -> Evidence:
    value, device = VALUE.search(row["cells"]), ADDRESS.search(row["cells"])
    assert value
    assert device
    number = Decimal(value[1].replace(".", "").replace(",", "."))
    return Evidence(
        code, row["gateway"], row["epoch"], int(row["seq"]), row["raw"], number, device[0]
    )


def _decoded(homes: dict[str, Home], proofs: list[Evidence]) -> list[dict]:
    """Decode the bytes that the pages show with the gateway's own command."""
    lines = []
    for proof in proofs:
        home = homes[proof.gateway]
        (kind,) = (kind for kind in CHARACTERISTICS if home.address(kind) == proof.device)
        lines.append(f"{CHARACTERISTICS[kind]} {proof.raw}\n")
    command = [sys.executable, "-m", "gateway", "decode", "--file", "/dev/stdin"]
    done = subprocess.run(
        command, input="".join(lines), capture_output=True, text=True, check=True, timeout=60
    )
    return [json.loads(line, parse_float=Decimal) for line in done.stdout.splitlines()]


def _truth(home: Home, code: str) -> set[tuple[str, str, Decimal]]:
    """Return (device, its local time, value) of everything that the home's devices said."""
    return {
        (home.address(taken.device), taken.at.strftime("%Y-%m-%dT%H:%M:%S"), taken.values[code])
        for taken in home.truth
        if code in taken.values
    }
