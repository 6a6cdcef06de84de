"""H14: a device changed hands and the dates were wrong. Nothing moves silently, nothing is lost."""

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.messages import Measurement, element_decoder
from server.domain.assignments import Tenure, laid_over
from server.domain.attribution import Assignment, attribute
from server.domain.instants import DAY, HOUR, MINUTE, MeasuredAt, Quality
from server.errors import IllegalTransition, NotFound, WrongInput
from server.ports.corrections import Correction
from server.ports.directory import User
from server.ports.store import Transaction
from server.services import alert_work, correcting, holding, storing
from server.services.previewing import Preview, preview
from tests.server.engine.streams import same_state, worlds
from tests.server.services.test_judging import CUFF, PLAN, beat
from tests.server.world import EPOCH, T0, World, envelope, wire


def _anna(tx: Transaction) -> User:
    found = tx.directory.user("anna")
    assert found is not None
    return found


def tenures(world: World, address: str = CUFF) -> list[Tenure]:
    with world.store.read() as tx:
        device = tx.directory.device_id(address)
        assert device is not None
        return tx.assignments.tenures(device)


def look(world: World, after: list[Tenure], *, decided_too: bool = False) -> Preview:
    with world.store.read() as tx:
        device = correcting.own_device(tx, world.user("anna"), 1)
        before = tx.assignments.tenures(1)
        return preview(tx, device, before, after, decided_too=decided_too, now=world.now)


def change(
    world: World,
    before: list[Tenure],
    after: list[Tenure],
    reason: str = "The daughter says so",
    *,
    decided_too: bool = False,
) -> Correction:
    with world.store.write() as tx:
        device = correcting.own_device(tx, _anna(tx), 1)
        return correcting.change(
            tx,
            _anna(tx),
            device,
            before,
            after,
            reason=reason,
            decided_too=decided_too,
            now=world.now,
        )


def correct(world: World, after: list[Tenure], *, decided_too: bool = False) -> None:
    """Put other assignments in force, and let the engine judge what follows."""
    change(world, tenures(world), after, decided_too=decided_too)
    carry_out(world)


def carry_out(world: World) -> None:
    while correcting.carry_on(world.store, world.now):
        pass
    world.run()


def whose(world: World) -> list[tuple[int, str, int | None, str | None]]:
    query = "SELECT seq, fate, patient_id, reason FROM measurements ORDER BY seq"
    return world.rows(query)


def findings(world: World, state: str = "in-force") -> set[tuple[int, str, int]]:
    query = f"SELECT patient_id, rule, seq FROM findings WHERE state = '{state}'"
    return set(world.rows(query))


@pytest.fixture
def handed(world: World) -> World:
    """A cuff that was Maria's, they say until ten days ago, and is Piero's since."""
    for reference in ("P1", "P2"):
        world.plan(world.patient(reference), PLAN, T0 - 90 * DAY)
    world.device(CUFF, 1, T0 - 60 * DAY)
    world.device(CUFF, 2, T0 - 10 * DAY)
    world.run()
    return world


def batch(world: World, *taken: tuple[int, str]) -> None:
    """Measurements of the cuff at these instants, stored and judged now."""
    sent = [
        wire(seq, seq, {"systolic": value}, at, device_time=None)
        for seq, (at, value) in enumerate(taken, 1)
    ]
    world.send(envelope("gw-1", sent, 1))
    world.run()


def test_a_correction_shows_first_what_it_moves_and_then_moves_exactly_that(handed: World) -> None:
    """The cuff went to Piero twelve days ago, not ten."""
    batch(handed, (T0 - 20 * DAY, "120"), (T0 - 11 * DAY, "190"), (T0 - 9 * DAY, "125"))
    after = laid_over(tenures(handed), tenures(handed)[1]._replace(from_at=T0 - 12 * DAY))
    assert [(one.patient_id, one.from_at, one.until_at) for one in after] == [
        (1, T0 - 60 * DAY, T0 - 12 * DAY),
        (2, T0 - 12 * DAY, None),
    ]
    shown = look(handed, after)
    (group,) = shown.moved
    assert group.way == ("stored", 1, "stored", 2, None)
    assert (group.count, group.first, group.last) == (1, T0 - 11 * DAY, T0 - 11 * DAY)
    assert group.values == {0: (1, 1900, 1900)}
    rules = "SELECT id FROM alerts WHERE patient_id = 1 AND kind = 'clinical' ORDER BY id"
    assert shown.alerts == {row[0]: 1 for row in handed.rows(rules)}
    assert len(shown.alerts) == 2
    assert whose(handed)[1] == (2, "stored", 1, None), "looking moves nothing"
    correct(handed, after)
    assert whose(handed) == [
        (1, "stored", 1, None),
        (2, "stored", 2, None),
        (3, "stored", 2, None),
    ]
    wrong = {(1, "systolic-high-inner", 2), (1, "systolic-high-outer", 2)}
    assert findings(handed, "withdrawn") == wrong
    assert findings(handed) == {(2, rule, seq) for _, rule, seq in wrong}


def test_the_alerts_of_what_was_withdrawn_stay_open_with_the_reason_and_are_told(
    handed: World,
) -> None:
    batch(handed, (T0 - 11 * DAY, "190"))
    number = handed.rows("SELECT id FROM alerts WHERE rule = 'systolic-high-outer'")[0][0]
    with handed.store.write() as tx:
        alert_work.acknowledge(tx, handed.user("anna"), number, handed.now)
    correct(handed, laid_over(tenures(handed), tenures(handed)[1]._replace(from_at=T0 - 12 * DAY)))
    query = f"SELECT detail, superseded, closed_at FROM alerts WHERE id = {number}"
    assert [(row[0], bool(row[1]), row[2]) for row in handed.rows(query)] == [
        ("entered-in-error", True, None)
    ]
    reasons = handed.rows(f"SELECT reason FROM messages WHERE alert_id = {number}")
    assert ("superseded",) in reasons
    audited = handed.rows("SELECT patient_id, detail FROM audit WHERE what = 'assignment-changed'")
    assert {row[0] for row in audited} == {1, 2}
    assert all("The daughter says so" in row[1] for row in audited)


def test_the_engine_is_as_if_nobody_had_erred(handed: World) -> None:
    moved = T0 - 25 * DAY - HOUR
    taken = [(T0 - day * DAY, str(110 + 9 * (day % 9))) for day in range(40, 0, -1)]
    batch(handed, *taken)
    correct(handed, laid_over(tenures(handed), tenures(handed)[1]._replace(from_at=moved)))
    erred = findings(handed)
    same_state(handed.judge.state, handed.restored())
    other = {
        (1 if at < moved else 2, rule, seq)
        for seq, (at, value) in enumerate(taken, 1)
        for rule, limit in (("inner", 160), ("outer", 180))
        for rule in [f"systolic-high-{rule}"]
        if int(value) > limit
    }
    assert erred == other


def test_what_was_nobodys_is_given_by_an_assignment_that_is_dated_back(world: World) -> None:
    world.plan(world.patient(), PLAN, T0 - 90 * DAY)
    with world.store.write() as tx:
        tx.directory.add_device(CUFF, "generic_blood_pressure", world.chc, "")
    world.run()
    batch(world, (T0 - 3 * DAY, "190"), (T0 - 2 * DAY, "120"))
    assert {row[1:] for row in whose(world)} == {("held", None, "device-unassigned")}
    after = laid_over([], Tenure(0, 1, None, T0 - 2 * DAY - HOUR, None))
    correct(world, after)
    assert whose(world) == [(1, "held", None, "device-unassigned"), (2, "stored", 1, None)]
    query = "SELECT closed_at IS NULL FROM alerts WHERE rule = 'measurement-held'"
    assert [bool(row[0]) for row in world.rows(query)] == [True], "one of them still waits"
    world.now += MINUTE
    correct(world, laid_over(tenures(world), tenures(world)[0]._replace(from_at=T0 - 9 * DAY)))
    assert {row[1:] for row in whose(world)} == {("stored", 1, None)}
    assert [bool(row[0]) for row in world.rows(query)] == [False]
    assert (1, "systolic-high-outer", 1) in findings(world)


def test_a_device_ended_earlier_leaves_what_came_after_to_be_held(handed: World) -> None:
    batch(handed, (T0 - 8 * DAY, "190"), (T0 - 2 * DAY, "185"))
    ended = tenures(handed)[1]._replace(until_at=T0 - 5 * DAY)
    correct(handed, laid_over(tenures(handed), ended))
    assert whose(handed) == [(1, "stored", 2, None), (2, "held", None, "device-unassigned")]
    query = "SELECT rule FROM alerts WHERE closed_at IS NULL AND kind = 'technical'"
    assert handed.rows(query) == [("measurement-held",)]


@pytest.mark.parametrize(("minutes", "held"), [(4, True), (6, False)])
def test_within_the_clocks_doubt_about_a_hand_over_it_is_held_and_judged(
    handed: World, minutes: int, held: bool
) -> None:
    """H1, H2: held, and its outer level told for whoever probably had it."""
    batch(handed, (T0 - 12 * DAY - minutes * MINUTE, "190"))
    correct(handed, laid_over(tenures(handed), tenures(handed)[1]._replace(from_at=T0 - 12 * DAY)))
    fate = ("held", 1, "device-changed-hands") if held else ("stored", 1, None)
    assert [row[1:] for row in whose(handed)] == [fate]
    query = "SELECT confirmed FROM alerts WHERE rule = 'systolic-high-outer'"
    assert bool(handed.rows(query)[0][0]) is not held
    assert (1, "systolic-high-outer", 1) in findings(handed)


def test_an_unsure_time_is_held_where_another_had_the_device_before_it_came(world: World) -> None:
    for reference in ("P1", "P2"):
        world.plan(world.patient(reference), PLAN, T0 - 90 * DAY)
    world.device(CUFF, 1, T0 - 60 * DAY)
    world.run()
    beat(world, 1, "190", T0, clock="unsynchronised")
    assert whose(world) == [(1, "stored", 1, None)]
    world.now = T0 + DAY
    correct(world, laid_over(tenures(world), Tenure(0, 2, None, T0 + HOUR, None)))
    assert whose(world) == [(1, "stored", 1, None)], "Piero got it after this had come"
    world.now += HOUR
    was_piero = Tenure(0, 2, None, T0 - 50 * DAY, T0 - 40 * DAY)
    correct(world, laid_over(tenures(world), was_piero))
    assert whose(world) == [(1, "held", 1, "device-changed-hands")]


@pytest.mark.parametrize("decided_too", [False, True])
def test_what_a_person_decided_stays_unless_shown_and_chosen(
    handed: World, decided_too: bool
) -> None:
    handed.patient("P3")
    batch(handed, (T0 - 10 * DAY, "150"), (T0 - 11 * DAY, "120"))
    with handed.store.write() as tx:
        epoch = tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id
        holding.release(tx, handed.user("anna"), epoch, 1, "P3", handed.now)
    handed.run()
    after = laid_over(tenures(handed), tenures(handed)[1]._replace(from_at=T0 - 12 * DAY))
    handed.now += 1
    shown = look(handed, after, decided_too=decided_too)
    assert (shown.count, len(shown.decided)) == ((2, 0) if decided_too else (1, 1))
    correct(handed, after, decided_too=decided_too)
    assert [row[1:3] for row in whose(handed)] == [
        ("stored", 2 if decided_too else 3),
        ("stored", 2),
    ]


@pytest.mark.parametrize("decided_too", [False, True])
def test_what_a_person_put_away_stays_away_unless_chosen(handed: World, decided_too: bool) -> None:
    batch(handed, (T0 - 10 * DAY, "190"))
    with handed.store.write() as tx:
        epoch = tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id
        holding.reject(tx, handed.user("anna"), epoch, 1, handed.now)
    handed.run()
    handed.now += 1
    after = laid_over(tenures(handed), tenures(handed)[1]._replace(from_at=T0 - 12 * DAY))
    correct(handed, after, decided_too=decided_too)
    fate = ("stored", 2) if decided_too else ("quarantined", None)
    assert [row[1:3] for row in whose(handed)] == [fate]
    assert ((2, "systolic-high-outer", 1) in findings(handed)) is decided_too


def test_two_who_correct_at_once_the_second_is_refused_and_sees_both(handed: World) -> None:
    seen = tenures(handed)
    first = laid_over(seen, seen[1]._replace(from_at=T0 - 12 * DAY))
    correct(handed, first)
    second = laid_over(seen, seen[1]._replace(from_at=T0 - 15 * DAY))
    with pytest.raises(IllegalTransition, match="others by now"):
        change(handed, seen, second)
    assert tenures(handed) == first


def test_a_change_is_carried_out_page_by_page_and_goes_on_after_the_server_ended(
    handed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correcting, "PAGE", 7)
    batch(handed, *[(T0 - 11 * DAY + minute * 10 * MINUTE, "120") for minute in range(40)])
    before = tenures(handed)
    after = laid_over(before, before[1]._replace(from_at=T0 - 12 * DAY))
    begun = change(handed, before, after)
    assert (begun.done_at, begun.given) == (None, 7)
    with pytest.raises(IllegalTransition, match="carried out"):
        change(handed, after, before)
    handed.restart()
    # What comes meanwhile is attributed by the new dates, and looked at once more without harm.
    late = wire(41, 41, {"systolic": "120"}, T0 - 11 * DAY + 5 * MINUTE)
    handed.send(envelope("gw-1", [late], 41))
    carry_out(handed)
    assert {row[1:] for row in whose(handed)} == {("stored", 2, None)}
    query = "SELECT withdrawn, given, held, done_at IS NOT NULL FROM corrections"
    assert [(*row[:3], bool(row[3])) for row in handed.rows(query)] == [(40, 40, 0, True)]
    same_state(handed.judge.state, handed.restored())


def test_what_is_being_stored_meanwhile_is_not_attributed_by_the_dates_of_before(
    handed: World,
) -> None:
    """Intake has read the assignments and not committed: the change waits, and moves it too."""
    before = tenures(handed)
    after = laid_over(before, before[1]._replace(from_at=T0 - 12 * DAY))
    came = envelope("gw-1", [wire(1, 1, {"systolic": "120"}, T0 - 11 * DAY)], 1)
    changing = threading.Thread(target=change, args=(handed, before, after))
    with handed.store.write() as tx:
        storing.take(tx, [came], handed.now, replicate=False)
        changing.start()
        changing.join(0.5)
        assert changing.is_alive(), "it waits for what has read the assignments"
    changing.join(20)
    carry_out(handed)
    assert whose(handed) == [(1, "stored", 2, None)]


def test_absences_are_explained_by_what_comes_and_no_more_by_what_goes(handed: World) -> None:
    with handed.store.write() as tx:
        for patient in (1, 2):
            due = T0 - 11 * DAY + HOUR
            tx.alerts.add_absence(patient, handed.chc, 0, due - 2 * HOUR, due, "not-measured", None)
    batch(handed, (T0 - 11 * DAY, "120"))
    query = (
        "SELECT patient_id FROM absences WHERE explained_at IS NOT NULL AND due_at < 1789100000000"
    )
    assert handed.rows(query) == [(1,)]
    correct(handed, laid_over(tenures(handed), tenures(handed)[1]._replace(from_at=T0 - 12 * DAY)))
    assert handed.rows(query) == [(2,)]


def test_there_and_back_again_is_as_before(handed: World) -> None:
    batch(handed, (T0 - 11 * DAY, "190"), (T0 - 2 * DAY, "150"))
    before, was = tenures(handed), findings(handed)
    correct(handed, laid_over(before, before[1]._replace(from_at=T0 - 12 * DAY)))
    handed.now += 1
    correct(handed, before)
    assert tenures(handed) == before
    assert findings(handed) == was
    assert whose(handed) == [(1, "stored", 1, None), (2, "stored", 2, None)]
    same_state(handed.judge.state, handed.restored())


@pytest.mark.parametrize("wrong", ["future", "backwards", "nothing", "no reason", "foreign"])
def test_what_cannot_be_is_refused(handed: World, wrong: str) -> None:
    seen = tenures(handed)
    last, reason = seen[1], "r"
    error: type[Exception] = WrongInput
    if wrong == "future":
        last = last._replace(from_at=handed.now + 1)
    elif wrong == "backwards":
        last = last._replace(until_at=last.from_at)
    elif wrong == "no reason":
        last, reason = last._replace(from_at=T0 - 12 * DAY), ""
    elif wrong == "foreign":
        with handed.store.write() as tx:
            other = tx.directory.add_chc("CHC Pinerolo", "Europe/Rome")
        last, error = last._replace(patient_id=handed.patient("F1", chc=other)), NotFound
    after = laid_over(seen, last) if wrong == "future" else [seen[0], last]
    with pytest.raises(error):
        change(handed, seen, after, reason)
    assert tenures(handed) == seen


def attributed_anew(world: World) -> list[tuple[int, str, int | None, str | None]]:
    """The slow model: every measurement attributed by the assignments in force."""
    holders = [
        Assignment(one.patient_id, one.from_at, one.until_at, one.user, "UTC")
        for one in tenures(world)
    ]
    found = []
    query = "SELECT seq, element, measured_at, quality, stored_at FROM measurements ORDER BY seq"
    for seq, raw, at, quality, stored_at in world.rows(query):
        element = element_decoder.decode(bytes(raw))
        assert isinstance(element, Measurement)
        to = attribute(element, MeasuredAt(at, Quality(quality)), holders, {}, stored_at)
        found.append((seq, to.fate.value, to.patient_id, to.reason))
    return found


MOVES = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3]),  # whose from then on
        st.sampled_from([None, None, 1, 2]),  # the button
        st.integers(0, 30),  # from this day
        st.integers(1, 12) | st.none(),  # for so many days
        st.booleans(),  # in place of one there is
    ),
    min_size=1,
    max_size=5,
)
TAKEN = st.lists(
    st.tuples(
        st.integers(0, 30 * 24 * 4),  # quarters of an hour
        st.sampled_from(["120", "165", "190"]),
        st.sampled_from([None, None, 1, 2]),
        st.booleans(),  # of a clock that was never set
    ),
    min_size=1,
    max_size=12,
)


def test_whatever_is_corrected_ends_as_if_it_had_been_so_from_the_first() -> None:
    """The model knows nothing of corrections: it attributes all by the dates in force."""
    with worlds(T0) as kept:

        @settings(max_examples=60, deadline=None, database=None)
        @given(TAKEN, MOVES)
        def holds(taken: list[tuple[int, str, int | None, bool]], moves: list[Any]) -> None:
            world = kept.new()
            world.now = T0
            for reference in ("P1", "P2", "P3"):
                world.plan(world.patient(reference), PLAN, T0 - 90 * DAY)
            world.device(CUFF, 1, T0 - 20 * DAY)
            world.run()
            half = len(taken) // 2
            send(world, taken[:half], 1)
            for number, (patient, user, day, days, instead) in enumerate(moves):
                from_at = T0 - (30 - day) * DAY
                until = None if days is None else min(from_at + days * DAY, T0)
                there = tenures(world)
                known = there[number % len(there)].id if instead and there else 0
                new = Tenure(known, patient, user, from_at, until)
                after = laid_over(there, new)
                world.now += MINUTE
                if after != there and from_at < (until or world.now):
                    correct(world, after)
                if number == 0:
                    send(world, taken[half:], half + 1)
            assert whose(world) == attributed_anew(world)
            same_state(world.judge.state, world.restored())
            believed = {(row[2], row[0]) for row in whose(world) if row[1] == "stored"}
            sure = dict(world.rows("SELECT seq, quality FROM measurements"))
            wanted = {
                (patient, f"systolic-high-{level}", seq)
                for patient, seq in believed
                for level, limit in (("inner", 160), ("outer", 180))
                if int(taken[seq - 1][1]) > limit and sure[seq] != "unsure"
            }
            series = "SELECT patient_id, rule, seq FROM findings WHERE state='in-force' AND "
            assert set(world.rows(series + "in_series")) == wanted

        holds()


def send(world: World, taken: list[tuple[int, str, int | None, bool]], first: int) -> None:
    sent = [
        wire(
            seq,
            seq,
            {"systolic": value},
            T0 - 30 * DAY + quarter * 15 * MINUTE,
            user=user,
            clock="unsynchronised" if unset else "synchronised",
        )
        for seq, (quarter, value, user, unset) in enumerate(taken, first)
    ]
    if sent:
        world.send(envelope("gw-1", sent, first))
        world.run()
