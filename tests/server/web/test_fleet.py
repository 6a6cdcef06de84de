"""The fleet: what gateways and devices say of themselves, the worst first, never whose."""

import re

from contract.messages import Birth, Heartbeat
from server.services.gateway_state import note_gateway
from tests.server.web.district import DAY, EPOCH, MINUTE, District

SESSION = "a" * 32


def says(district: District, gateway: str, envelope: Birth | Heartbeat) -> None:
    with district.store.write() as tx:
        row = tx.measurements.gateway(gateway)
        assert row is not None
        note_gateway(tx, envelope, row, district.now)


def born(district: District, gateway: str, boot: str) -> None:
    common = {"gateway": gateway, "epoch": EPOCH, "seq": 1, "sent_at": district.now}
    birth = Birth(**common, kept_from=1, session=SESSION, boot_id=boot, clock="synchronised",
                  version="0.1.0", prompts=True)  # fmt: skip
    says(district, gateway, birth)


def beats(district: District, gateway: str, **more: object) -> None:
    common = {"gateway": gateway, "epoch": EPOCH, "seq": 1, "sent_at": district.now}
    said = {**common, "clock": "synchronised", "outbox_depth": 0, **more}
    says(district, gateway, Heartbeat(**said))


def test_what_a_gateway_says_of_disk_clock_and_starts(district: District):
    born(district, "gw-1", "boot-a")
    district.now += 3 * DAY
    born(district, "gw-1", "boot-a")
    beats(district, "gw-1", disk_free_bytes=50_000_000, sent_at=district.now - 90_000)
    page = district.browser("ada").get("/fleet").text
    assert '<span class="mark mark-loud">50 MB</span>' in page
    assert "90 s behind" in page
    assert "asks the home to measure again" in page
    assert re.search(r'data-label="Started"><time[^>]*>3 days ago', page)
    born(district, "gw-1", "boot-b")
    beats(district, "gw-1", disk_free_bytes=5_000_000_000)
    page = district.browser("ada").get("/fleet").text
    assert "5,000 MB" in page
    assert "s behind" not in page
    assert re.search(r'data-label="Started"><time[^>]*>now', page)


def test_the_worst_come_first_and_are_counted(district: District):
    with district.store.write() as tx:
        tx.directory.add_gateway("gw-0", district.world.chc, district.now, None)
        tx.directory.add_gateway("gw-9", district.world.chc, district.now, None)
    beats(district, "gw-9")
    district.now += 20 * MINUTE
    beats(district, "gw-1")
    page = district.browser("ada").get("/fleet").text
    assert re.findall(r'data-gateway="([\w-]+)" data-state="(\w+)"', page) == [
        ("gw-9", "silent"),
        ("gw-0", "never"),
        ("gw-1", "online"),
    ]
    assert "silent: 1" in page


def test_a_flat_battery_stands_first_and_no_patient_is_named(district: District):
    other = district.person("P2", "Bianchi", "Giuseppe")
    district.world.device("AA:BB:CC:DD:EE:02", other)
    beats(district, "gw-1", batteries={"AA:BB:CC:DD:EE:02": 7})
    page = district.browser("ada").get("/fleet").text
    assert re.findall(r'data-device="([^"]+)"', page) == ["AA:BB:CC:DD:EE:02", "AA:BB:CC:DD:EE:01"]
    assert '<span class="mark mark-loud">7%</span>' in page
    assert "Bianchi" not in page
    assert "Rossi" not in page
    foreign = district.browser("olga").get("/fleet").text
    assert "AA:BB:CC:DD:EE:02" not in foreign
