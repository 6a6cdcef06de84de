"""Promises 1 and 2 between broker and store: a receipt means stored, and never comes before."""

import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager

import msgspec
import pytest

from contract.messages import Refused
from server.intake.connection import Connection
from tests.brokers import until
from tests.server.intake.conftest import connection_of, running
from tests.server.world import EPOCH, envelope, wire

pytestmark = [pytest.mark.broker, pytest.mark.processes]
CUFF = "AA:BB:CC:DD:EE:01"


def said(world, *seqs):
    """One envelope with these measurements, as its bytes."""
    batch = [wire(seq, seq, {"systolic": "120"}, world.now) for seq in seqs]
    return envelope("gw-1", batch, seqs[0]).payload


def stored(world):
    return world.rows("select seq, fate from measurements order by seq")


class Gated:
    """A real store whose commits wait until they are let through."""

    def __init__(self, store):
        self._store = store
        self.open = threading.Event()
        self.arrived = threading.Event()

    @contextmanager
    def write(self):
        with self._store.write() as tx:
            yield tx
            self.arrived.set()
            assert self.open.wait(20)

    def read(self):
        return self._store.read()


def test_a_receipt_follows_the_commit(broker, voice, world):
    world.device(CUFF, world.patient())
    gated = Gated(world.store)
    with running(broker.settings, gated, lambda: world.now):
        voice.say(said(world, 1, 2))
        assert gated.arrived.wait(10)
        assert not until(voice.receipts, 0.5)
        assert stored(world) == []
        gated.open.set()
        assert until(voice.receipts)
    assert voice.receipts()[-1] == 2
    assert stored(world) == [(1, "stored"), (2, "stored")]


def test_killed_between_commit_and_receipt_it_receipts_after_its_restart(broker, voice, world):
    world.device(CUFF, world.patient())
    chosen = msgspec.json.encode(broker.settings, enc_hook=str).decode()
    command = [sys.executable, "-m", "tests.server.intake.dying", chosen, world.store.url]
    # It must have its session at the broker before anything is said.
    with running(broker.settings, world.store, lambda: world.now):
        pass
    with subprocess.Popen([*command, str(world.now)]) as dying:
        voice.say(said(world, 1))
        assert dying.wait(30) == -9
    assert stored(world) == [(1, "stored")]
    assert voice.receipts() == []
    with running(broker.settings, world.store, lambda: world.now):
        assert until(voice.receipts, 20), "the broker kept nothing for intake"
    assert set(voice.receipts()) == {1}
    assert stored(world) == [(1, "stored")]


def test_spoiled_envelopes_are_refused_and_stop_nothing(broker, voice, world):
    world.device(CUFF, world.patient())
    nested = b'{"type":"measurements","gateway":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    spoiled = [
        b"",
        b"\xff\xfe\x00",
        b"{}",
        nested,
        b"x" * 70_000,
        b'{"type":"' + b"y" * 2_000_000 + b'"}',
        envelope("gw-2", [wire(1, 1, {"systolic": "120"}, world.now)], 1).payload,
    ]
    with running(broker.settings, world.store, lambda: world.now):
        for payload in spoiled:
            voice.say(payload)
        voice.say(said(world, 1))
        assert until(voice.receipts)
        assert until(lambda: len(voice.refusals()) >= len(spoiled))
    assert all(isinstance(one, Refused) for one in voice.refusals())
    assert stored(world) == [(1, "stored")]
    assert world.rows("select rule from alerts") == [("envelope-refused",)]


def test_a_wrong_measurement_stops_neither_its_neighbours_nor_the_receipt(broker, voice, world):
    world.device(CUFF, world.patient())
    good = [wire(seq, seq, {"systolic": "120"}, world.now) for seq in (1, 3)]
    batch = [good[0], {"type": "measurement", "seq": 2, "raw": 7}, good[1]]
    with running(broker.settings, world.store, lambda: world.now):
        voice.say(envelope("gw-1", batch, 1).payload)
        assert until(lambda: voice.receipts() == [3])
    assert stored(world) == [(1, "stored"), (2, "quarantined"), (3, "stored")]


def test_a_message_of_an_earlier_connection_is_never_acknowledged(broker, voice, world):
    connection = connection_of(broker.settings)
    try:
        connected(connection)
        voice.say(said(world, 1))
        (first,) = taken(connection)
        restart(broker, connection)
        (second,) = taken(connection)
        # Its message id is most probably the second's.
        connection.done([first])
        restart(broker, connection)
        (third,) = taken(connection)
        assert first.arrival == second.arrival == third.arrival
        connection.done([third])
        assert connection.take(1, 0.0, 0.5) == []  # the broker hears it before it is stopped
        restart(broker, connection)
        # Beyond the time after which the broker would say it again.
        assert connection.take(1, 0.0, 7.0) == []
    finally:
        connection.close()


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
def test_a_broker_of_another_kind_may_speak_3_1_1_only(broker, voice, world):
    address = f"mqtts://127.0.0.1:{broker.settings.broker_port}"
    settings = msgspec.structs.replace(broker.settings, broker=address)
    with running(settings, world.store, lambda: world.now):
        voice.say(said(world, 1))
        assert until(lambda: voice.receipts() == [1])


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
def test_an_intake_that_may_not_listen_is_not_connected(broker, tmp_path, caplog):
    keys = tmp_path / "mistaken"
    shutil.copytree(broker.settings.keys_dir, keys)
    for kind in ("crt", "key"):
        shutil.copy(tmp_path / f"gw-1.{kind}", keys / f"intake.{kind}")
    connection = Connection(*broker.settings.broker_address, keys, "mistaken", embedded=True)
    try:
        assert until(lambda: connection.take(1, 0.0, 0.1) or "not let intake listen" in caplog.text)
        assert not connection.connected
    finally:
        connection.close()


def connected(connection):
    assert until(lambda: connection.take(1, 0.0, 0.1) or connection.connected, 30)


def taken(connection):
    found = []
    until(lambda: found.extend(connection.take(100, 0.02, 0.1)) or found, 15)
    return found


def restart(broker, connection):
    broker.stop()
    assert until(lambda: connection.take(1, 0.0, 0.1) or not connection.connected)
    broker.start()


def test_twice_the_same_exchange_is_stored_once_and_receipted_again(broker, voice, world):
    world.device(CUFF, world.patient())
    with running(broker.settings, world.store, lambda: world.now):
        for _ in range(3):
            before = len(voice.receipts())
            voice.say(said(world, 1, 2))
            assert until(lambda: len(voice.receipts()) > before)  # noqa: B023 - used at once
    assert set(voice.receipts()) == {2}
    assert len(stored(world)) == 2
    assert world.rows("select epoch from epochs") == [(EPOCH,)]


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
def test_a_second_intake_with_the_same_client_id_is_noticed(broker, voice, world):
    with (
        running(broker.settings, world.store, lambda: world.now),
        running(broker.settings, world.store, lambda: world.now),
    ):
        assert until(lambda: "replaced" in {kind for kind, _, _ in broker.events})
