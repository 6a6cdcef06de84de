"""The server's settings on the box: checked whole, tried, kept, and taken back."""

from pathlib import Path

import msgspec
import pytest

from contract.messages import Configuration
from gateway.configuration import STARTS_MAX, TRIAL_SECONDS, Given
from gateway.settings import Settings

CUFF = "AA:BB:CC:DD:EE:01"


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    return Settings(
        gateway="gw-001",
        broker="mqtts://localhost:8883",
        ca_file=tmp_path / "ca.crt",
        certificate_file=tmp_path / "gw-001.crt",
        key_file=tmp_path / "gw-001.key",
        state_dir=tmp_path,
        heartbeat_seconds=60,
        devices=["AA:BB:CC:DD:EE:09"],
    )


def configuration(version: int, **given: object) -> Configuration:
    return Configuration(gateway="gw-001", version=version, **given)


def begun(own: Settings) -> tuple[Given, Settings]:
    """Begin a process anew: what it knows is what the disk has."""
    given = Given(own)
    return given, given.begin()


def test_what_the_server_gives_stands_in_for_the_box_s_own_and_the_rest_stays(own):
    given, before = begun(own)
    assert before == own
    assert given.offer(configuration(1, devices=[CUFF], zone="Europe/Rome"))
    _, settings = begun(own)
    assert (settings.devices, settings.zone) == ([CUFF], "Europe/Rome")
    assert settings.heartbeat_seconds == 60
    assert settings.broker == own.broker


def test_once_the_server_is_reached_it_is_in_force_and_stays_over_restarts(own):
    given, _ = begun(own)
    given.offer(configuration(1, heartbeat_seconds=30))
    given, _ = begun(own)
    assert given.kept.in_force is None  # it is on trial
    assert not given.look(is_reached=False, seconds=30)
    assert not given.look(is_reached=True, seconds=31)
    for _ in range(STARTS_MAX + 2):
        given, settings = begun(own)
        assert settings.heartbeat_seconds == 30
        assert not given.look(is_reached=False, seconds=2 * TRIAL_SECONDS)
    assert given.kept.in_force.version == 1


def in_force(own: Settings, **said: object) -> Given:
    given, _ = begun(own)
    given.offer(configuration(1, **said))
    given, _ = begun(own)
    given.look(is_reached=True, seconds=1)
    return given


def test_a_server_that_is_not_reached_for_ten_minutes_brings_back_the_one_before(own):
    given = in_force(own, heartbeat_seconds=30)
    assert given.offer(configuration(2, heartbeat_seconds=3600))
    given, settings = begun(own)
    assert settings.heartbeat_seconds == 3600
    assert not given.look(is_reached=False, seconds=TRIAL_SECONDS - 1)
    assert given.look(is_reached=False, seconds=TRIAL_SECONDS)
    given, settings = begun(own)
    assert settings.heartbeat_seconds == 30
    assert (given.kept.refused, given.kept.in_force.version) == (2, 1)
    assert "not reached" in given.kept.because
    assert not given.offer(configuration(2, heartbeat_seconds=3600))  # it is tried once


def test_a_gateway_that_does_not_stay_up_with_it_goes_back(own):
    given = in_force(own, heartbeat_seconds=30)
    given.offer(configuration(2, devices=[CUFF]))
    tried = [begun(own)[1].devices == [CUFF] for _ in range(STARTS_MAX + 1)]
    assert tried == [True] * STARTS_MAX + [False]
    given, settings = begun(own)
    assert settings.heartbeat_seconds == 30
    assert "did not stay up" in given.kept.because


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"zone": "Europe/Roma"}, "zone 'Europe/Roma'"),
        ({"models": {CUFF: "no_such_model"}}, "profile 'no_such_model'"),
        ({"zone": "Europe/Rome", "models": {CUFF: "no_such_model"}}, "profile"),
    ],
)
def test_a_wrong_one_is_refused_whole_and_the_old_one_stays(own, said, reason):
    given = in_force(own, heartbeat_seconds=30)
    assert not given.offer(configuration(2, **said))
    assert reason in given.kept.because
    given, settings = begun(own)
    assert (settings.heartbeat_seconds, settings.zone) == (30, None)
    assert given.kept.refused == 2


@pytest.mark.parametrize("version", [1, 2, 3])
def test_no_version_is_taken_twice_nor_an_older_one(own, version):
    given = in_force(own)
    given.offer(configuration(3, zone="nowhere"))
    assert not given.offer(configuration(version, heartbeat_seconds=30))
    assert given.kept.trial is None
    assert given.kept.refused == 3


def test_an_empty_one_gives_everything_back_to_the_box(own):
    given = in_force(own, devices=[CUFF])
    assert given.offer(configuration(2))
    _, settings = begun(own)
    assert settings == own


@pytest.mark.parametrize("damage", [b"", b"{", b'{"starts": "x"}', b"\xff\xfe"])
def test_a_damaged_file_never_stops_the_box(own, damage):
    in_force(own, devices=[CUFF])
    (own.state_dir / "configuration.json").write_bytes(damage)
    _, settings = begun(own)
    assert settings == own


def test_what_no_longer_fits_the_box_leaves_it_its_own_settings(own):
    """A profile that an upgrade took away must not stop a box that nobody visits."""
    in_force(own, models={CUFF: "and_ua651ble"})
    file = own.state_dir / "configuration.json"
    file.write_bytes(file.read_bytes().replace(b"and_ua651ble", b"and_forgotten"))
    _, settings = begun(own)
    assert settings == own


def test_a_disk_that_takes_nothing_changes_nothing(own, monkeypatch):
    given = in_force(own, heartbeat_seconds=30)
    full = OSError(28, "No space left on device")

    def refuse(*_anything: object) -> None:
        raise full

    monkeypatch.setattr("gateway.configuration.write_whole", refuse)
    with pytest.raises(OSError, match="No space"):
        given.offer(configuration(2, devices=[CUFF]))
    assert given.kept.trial is None
    monkeypatch.undo()
    given.offer(configuration(2, devices=[CUFF]))
    monkeypatch.setattr("gateway.configuration.write_whole", refuse)
    given, settings = begun(own)  # a trial that cannot be counted is not begun
    assert settings.heartbeat_seconds == 30
    assert not given.look(is_reached=True, seconds=1)
    monkeypatch.undo()
    _, settings = begun(own)
    assert settings.devices == [CUFF]


def test_what_is_kept_is_what_was_sent(own):
    given = in_force(own, devices=[CUFF], models={CUFF: "and_ua651ble"}, zone="Europe/Rome")
    again = Given(own)
    assert msgspec.structs.asdict(again.kept) == msgspec.structs.asdict(given.kept)
