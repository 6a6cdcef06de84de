"""Commit 1: nothing lost, nothing twice, the bad beside the good, and every answer right."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from sqlalchemy import event

from contract.messages import Birth, Receipt, Refused, Tombstone, encoder
from server.services.storing import Arrival
from tests.server.world import EPOCH, T0, World, envelope, wire

CUFF = "AA:BB:CC:DD:EE:01"
OK = {"systolic": "132", "diastolic": "84"}
PLAN = {
    "thresholds": [{"code": "systolic", "source": "test", "high_inner": "160", "high_outer": "180"}]
}


@pytest.fixture
def home(world: World) -> World:
    """A patient with a cuff and a confirmed plan."""
    patient = world.patient()
    world.device(CUFF, patient)
    world.plan(patient, PLAN)
    return world


def fates(world: World) -> list[tuple[int, str]]:
    return world.rows("SELECT seq, fate FROM measurements ORDER BY seq")


def rules(world: World) -> set[str]:
    return {row[0] for row in world.rows("SELECT rule FROM alerts WHERE closed_at IS NULL")}


def test_a_receipt_names_the_last_seq_without_a_gap(home: World) -> None:
    assert home.send(envelope("gw-1", [wire(1, 1, OK, T0), wire(2, 2, OK, T0)], 1)) == [
        Receipt(gateway="gw-1", epoch=EPOCH, seq=2)
    ]
    assert home.send(envelope("gw-1", [wire(4, 4, OK, T0)], 4))[0].seq == 2
    assert home.send(envelope("gw-1", [wire(3, 3, OK, T0)], 3))[0].seq == 4


def test_an_envelope_sent_again_changes_nothing_and_is_answered_again(home: World) -> None:
    sent = envelope("gw-1", [wire(1, 1, OK, T0)], 1)
    first, second = home.send(sent), home.send(sent, sent)
    assert first == second
    assert home.rows("SELECT count(*) FROM measurements") == [(1,)]
    assert home.rows("SELECT count(*) FROM inputs WHERE kind = 'attributed'") == [(1,)]


def test_a_record_read_again_from_the_device_is_one_measurement(home: World) -> None:
    home.send(envelope("gw-1", [wire(1, 7, OK, T0), wire(2, 7, OK, T0)], 1))
    home.send(envelope("gw-1", [wire(3, 7, OK, T0)], 3))
    assert fates(home) == [(1, "stored"), (2, "duplicate"), (3, "duplicate")]
    assert home.answers[0].seq == 3


def test_duplicates_cost_no_query_each(home: World) -> None:
    batch = [wire(seq, seq, OK, T0) for seq in range(1, 41)]
    home.send(envelope("gw-1", batch, 1))
    asked: list[str] = []
    event.listen(home.store.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    again = [wire(40 + seq, seq, OK, T0) for seq in range(1, 41)]
    home.send(envelope("gw-1", again[:1], 41))
    one = len(asked)
    home.send(envelope("gw-1", again[1:], 42))
    assert len(asked) == 2 * one
    assert fates(home)[-1] == (80, "duplicate")


def test_a_bad_measurement_costs_nobody_but_itself(home: World) -> None:
    good = json.loads(encoder.encode(wire(1, 1, OK, T0)))
    said: list[list[dict[str, str]]] = [
        [{"code": "mood", "unit": "1", "value": "1"}],
        [{"code": "systolic", "unit": "kPa", "value": "17"}],
        [{"code": "systolic", "unit": "mm[Hg]", "value": "712"}],
    ]
    bad: list[Any] = [
        {**good, "seq": 2, "device": "not an address"},
        {**good, "seq": 3, "quantities": [{"code": "systolic", "unit": "mm[Hg]"}]},
        "a text",
        {**good, "seq": 77, "content_id": "0" * 32},
        *(
            {**good, "seq": seq, "content_id": str(seq) * 32, "quantities": quantities}
            for seq, quantities in enumerate(said, 6)
        ),
    ]
    last = {**good, "seq": 9, "content_id": "9" * 32}
    home.send(envelope("gw-1", [good, *bad, last], 1))
    assert home.answers == [Receipt(gateway="gw-1", epoch=EPOCH, seq=9)]
    assert [fate for _, fate in fates(home)] == ["stored", *["quarantined"] * 7, "stored"]
    assert "measurement-unreadable" in rules(home)


def test_the_bytes_of_an_unreadable_measurement_are_kept(home: World) -> None:
    unreadable = wire(1, 1, {}, T0, raw="1e8a", unreadable="byte 2: cut off")
    home.send(envelope("gw-1", [unreadable], 1))
    ((element, reason),) = home.rows("SELECT element, reason FROM measurements")
    assert json.loads(bytes(element))["raw"] == "1e8a"
    assert reason == "unreadable: byte 2: cut off"
    assert "measurement-unreadable" in rules(home)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe{}",
        b'{"type": "measurements"',
        b"[" * 30_000,
        b'{"type": "measurements", "x": ' + b"[" * 60_000,
        b'{"type": "unknown", "gateway": "gw-1"}',
        b'{"type": "will", "gateway": "gw-2", "epoch": "%s", "seq": 1, "session": "%s"}'
        % (EPOCH.encode(), EPOCH.encode()),
        b'{"type": "measurements", "gateway": "gw-1", "epoch": "1", "seq": 1, "measurements": [1]}',
        b'{"type": "measurements", "gateway": "gw-1", "epoch": "%s", "seq": 0, "measurements": [1]}'
        % EPOCH.encode(),
        b'{"a": "%s"}' % (b"x" * 70_000),
    ],
    ids=["empty", "not-utf8", "cut", "deep", "deep-inside", "type", "foreign", "epoch", "seq",
         "oversized"],
)  # fmt: skip
def test_a_wrong_envelope_is_refused_and_the_next_is_taken(home: World, payload: bytes) -> None:
    good = envelope("gw-1", [wire(1, 1, OK, T0)], 1)
    answers = home.send(Arrival("gw-1", payload), good)
    refused = [one for one in answers if isinstance(one, Refused)]
    assert [one.sha256 for one in refused] == [hashlib.sha256(payload).hexdigest()]
    assert Receipt(gateway="gw-1", epoch=EPOCH, seq=1) in answers
    assert "envelope-refused" in rules(home)


def test_an_unknown_or_revoked_gateway_is_refused(home: World) -> None:
    with home.store.write() as tx:
        tx.directory.revoke_gateway("gw-1", T0)
    answers = home.send(envelope("gw-1", [wire(1, 1, OK, T0)], 1), Arrival("gw-9", b"{}"))
    assert [type(one) for one in answers] == [Refused, Refused]
    assert fates(home) == []


def test_a_tombstone_takes_its_place_so_that_the_receipt_goes_on(home: World) -> None:
    home.send(envelope("gw-1", [Tombstone(seq=1, reason="refused twice"), wire(2, 2, OK, T0)], 1))
    assert home.answers[0].seq == 2
    assert fates(home) == [(1, "tombstone"), (2, "stored")]


def test_unknown_fields_are_ignored(home: World) -> None:
    raw = json.loads(encoder.encode(wire(1, 1, OK, T0)))
    home.send(envelope("gw-1", [{**raw, "mood": {"a": [1]}}], 1))
    assert fates(home) == [(1, "stored")]


def test_an_unassigned_device_is_held_for_the_gateways_chc_with_an_owner_and_a_deadline(
    home: World,
) -> None:
    home.send(envelope("gw-1", [wire(1, 1, OK, T0, device="AA:BB:CC:DD:EE:99")], 1))
    assert fates(home) == [(1, "held")]
    ((subject, chc, deadline),) = home.rows(
        "SELECT subject, chc_id, deadline_at FROM alerts WHERE rule = 'measurement-held'"
    )
    assert (subject, chc) == ("device:AA:BB:CC:DD:EE:99", home.chc)
    assert deadline == T0 + 4 * 3_600_000


def test_another_user_of_the_scale_is_held_and_its_outer_breach_still_alerts(home: World) -> None:
    """H1: a questioned measurement is judged against the likely patient's outer limits."""
    patient = home.patient("P2")
    home.device("AA:BB:CC:DD:EE:02", patient, user=1)
    home.plan(patient, PLAN)
    home.send(
        envelope(
            "gw-1",
            [wire(1, 1, {"systolic": "190"}, T0, device="AA:BB:CC:DD:EE:02", user=2)],
            1,
        )
    )
    home.run()
    assert fates(home) == [(1, "held")]
    ((priority, confirmed),) = home.rows(
        "SELECT priority, confirmed FROM alerts WHERE rule = 'systolic-high-outer'"
    )
    assert (priority, bool(confirmed)) == ("high", False)


def test_a_weight_far_from_the_last_is_held(home: World) -> None:
    first, other = {"weight": "81.4"}, {"weight": "66.2"}
    home.send(envelope("gw-1", [wire(1, 1, first, T0)], 1))
    home.send(envelope("gw-1", [wire(2, 2, other, T0 + 60_000)], 2))
    assert fates(home) == [(1, "stored"), (2, "held")]


def test_a_dying_patients_pressure_is_never_questioned(home: World) -> None:
    home.send(envelope("gw-1", [wire(1, 1, OK, T0), wire(2, 2, {"systolic": "48"}, T0)], 1))
    assert fates(home) == [(1, "stored"), (2, "stored")]


def test_a_future_time_is_stored_marked_judged_and_never_the_last_of_its_series(
    home: World,
) -> None:
    """H2: a true value is never put away for a wrong clock."""
    future = wire(1, 1, {"systolic": "190"}, T0, device_time="2031-01-01T08:00:00")
    home.send(envelope("gw-1", [future], 1))
    home.run()
    ((fate, quality, mark, at),) = home.rows(
        "SELECT fate, quality, mark, measured_at FROM measurements"
    )
    assert (fate, quality, mark, at) == ("stored", "unsure", "device-clock-ahead", T0)
    assert rules(home) == {"systolic-high-outer", "device-clock-wrong"}
    home.send(envelope("gw-1", [wire(2, 2, {"systolic": "170"}, T0 + 1000)], 2))
    home.run()
    assert rules(home) == {"systolic-high-outer", "systolic-high-inner", "device-clock-wrong"}


def test_a_gateway_whose_clock_was_never_set_is_stored_and_marked(home: World) -> None:
    home.send(envelope("gw-1", [wire(1, 1, OK, 60_000, clock="unsynchronised")], 1))
    assert home.rows("SELECT quality, mark, measured_at FROM measurements") == [
        ("unsure", "gateway-clock-unset", home.now)
    ]


def test_a_gateway_that_believes_its_first_clock_hides_no_dangerous_value(home: World) -> None:
    home.send(envelope("gw-1", [wire(1, 1, {"systolic": "190"}, 60_000)], 1))
    home.run()
    assert rules(home) == {"systolic-high-outer"}


def test_comparators_become_observations_and_absent_ones_do_not(home: World) -> None:
    measurement = wire(1, 1, {"systolic": "HI", "diastolic": "84"}, T0)
    absent = msgspec.convert(
        {"code": "mean-arterial", "unit": "mm[Hg]", "absent": "not-a-number"},
        type(measurement.quantities[0]),
    )
    measurement.quantities.append(absent)
    home.send(envelope("gw-1", [measurement], 1))
    home.run()
    assert home.rows("SELECT code, value FROM observations ORDER BY code") == [
        (0, 2**30),
        (1, 840),
    ]
    assert "systolic-high-outer" in rules(home)


def test_another_content_in_a_place_that_is_taken_is_stored_once_and_told(home: World) -> None:
    """A gateway put back from an older copy gives its numbers again, to others."""
    home.send(envelope("gw-1", [wire(seq, seq, OK, T0) for seq in (1, 2, 3)], 1))
    again = [wire(2, 12, {"systolic": "190"}, T0 + 1), wire(3, 3, OK, T0), wire(4, 14, OK, T0 + 3)]
    home.send(envelope("gw-1", again, 2))
    home.send(envelope("gw-1", again, 2), envelope("gw-1", again, 2))
    home.run()
    assert home.answers == [Receipt(gateway="gw-1", epoch=EPOCH, seq=4)]
    assert home.rows(
        "SELECT e.epoch, count(*) FROM measurements m JOIN epochs e ON e.id = m.epoch_id"
        " WHERE m.fate = 'stored' GROUP BY e.epoch ORDER BY e.epoch"
    ) == [(EPOCH, 4), ("beside", 1)]
    assert {"gateway-numbers-again", "systolic-high-outer"} <= rules(home)


def test_two_contents_for_one_place_in_one_batch_are_both_stored(home: World) -> None:
    first, other = (envelope("gw-1", [wire(1, 1 + at, OK, T0 + at)], 1) for at in (0, 1))
    home.send(first, other)
    assert [fate for _, fate in fates(home)] == ["stored", "stored"]
    assert home.answers == [Receipt(gateway="gw-1", epoch=EPOCH, seq=1)]


def test_a_tombstone_for_what_is_stored_changes_nothing(home: World) -> None:
    home.send(envelope("gw-1", [wire(1, 1, OK, T0)], 1))
    home.send(envelope("gw-1", [Tombstone(seq=1, reason="refused twice")], 1))
    assert fates(home) == [(1, "stored")]
    assert rules(home) == set()


def test_a_measurement_for_a_tombstone_is_stored(home: World) -> None:
    home.send(envelope("gw-1", [Tombstone(seq=1, reason="refused twice")], 1))
    home.send(envelope("gw-1", [wire(1, 1, OK, T0)], 1))
    assert sorted(fate for _, fate in fates(home)) == ["stored", "tombstone"]


def birth(kept_from: int, epoch: str = EPOCH) -> Arrival:
    said = Birth(
        gateway="gw-1",
        epoch=epoch,
        seq=200,
        session="1" * 32,
        sent_at=T0,
        boot_id="boot",
        clock="synchronised",
        version="0",
        kept_from=kept_from,
    )
    return Arrival("gw-1", encoder.encode(said))


def test_numbers_that_nobody_has_any_more_are_told_and_do_not_stop_the_receipt(
    home: World,
) -> None:
    """The server was put back from an older copy: the gateway forgot 3 to 5 on its receipt."""
    home.send(envelope("gw-1", [wire(seq, seq, OK, T0) for seq in (1, 2)], 1))
    six = envelope("gw-1", [wire(6, 6, OK, T0)], 6, kept_from=6)
    assert home.send(six) == home.send(six)
    assert home.answers == [Receipt(gateway="gw-1", epoch=EPOCH, seq=6)]
    found = "SELECT priority, detail FROM alerts WHERE rule = 'measurements-missing'"
    assert home.rows(found) == [("high", f"{EPOCH} 3..5: 3")]
    noted = "SELECT count(*) FROM audit WHERE what = 'measurements-missing'"
    assert home.rows(noted) == [(1,)]


def test_a_birth_tells_at_once_what_is_missing(home: World) -> None:
    home.send(birth(kept_from=4))
    assert home.answers == [Receipt(gateway="gw-1", epoch=EPOCH, seq=3)]
    assert "measurements-missing" in rules(home)


def test_what_was_told_as_missing_is_stored_if_it_comes_after_all(home: World) -> None:
    """The broker may still have had it."""
    home.send(birth(kept_from=4))
    home.send(envelope("gw-1", [wire(2, 2, OK, T0)], 2))
    assert fates(home) == [(2, "stored")]
    assert "gateway-numbers-again" not in rules(home)


def test_the_birth_of_a_new_outbox_says_nothing_of_missing_ones(home: World) -> None:
    assert home.send(birth(kept_from=1)) == []
    assert rules(home) == set()
