"""The server's clock jumps: nothing is invented before the jump has lasted."""

from dataclasses import dataclass

import pytest

from server.clock import DOUBTED_MS, Clock
from server.domain.instants import DAY, HOUR, MINUTE
from server.services.polling import poll
from server.services.timekeeping import note_clock
from tests.server.services.test_judging import PLAN
from tests.server.world import T0, World

CUFF = "AA:BB:CC:DD:EE:01"


@dataclass
class Host:
    """A computer whose wall clock may be set."""

    wall: int = T0
    monotonic: int = 5_000

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.monotonic)

    def passes(self, milliseconds: int) -> None:
        self.wall += milliseconds
        self.monotonic += milliseconds


@pytest.mark.parametrize("jump", [DAY, -HOUR, 2 * MINUTE])
def test_a_jump_is_believed_once_it_has_lasted(jump):
    host = Host()
    clock = host.clock()
    host.wall += jump
    for minute in range(10):
        assert clock.now() == T0 + minute * MINUTE
        assert clock.jumped_ms == jump
        host.passes(MINUTE)
    assert clock.now() == host.wall
    assert clock.jumped_ms == 0


def test_a_jump_that_is_taken_back_never_was():
    host = Host()
    clock = host.clock()
    host.wall += DAY
    assert clock.now() == T0
    host.passes(DOUBTED_MS - 1)
    clock.now()
    host.wall -= DAY
    assert (clock.now(), clock.jumped_ms) == (host.wall, 0)
    host.wall += DAY
    host.passes(2)
    assert clock.now() == host.wall - DAY


def test_another_jump_meanwhile_must_last_too():
    host = Host()
    clock = host.clock()
    host.wall += DAY
    clock.now()
    host.passes(DOUBTED_MS - MINUTE)
    host.wall += DAY
    clock.now()
    host.passes(2 * MINUTE)
    assert clock.now() == host.wall - 2 * DAY


def test_a_clock_that_is_slewed_is_followed():
    host = Host()
    clock = host.clock()
    for _ in range(100):
        host.passes(MINUTE)
        host.wall += 2_000
        assert clock.now() == host.wall


def test_a_jump_ahead_that_is_corrected_invents_no_absence_and_passes_no_deadline(
    world: World,
) -> None:
    host = Host()
    clock = host.clock()
    patient = world.patient()
    world.device(CUFF, patient)
    world.plan(patient, PLAN, T0 - DAY)
    with world.store.write() as tx:
        note_clock(tx, 1, T0)

    def goes_round() -> None:
        world.now = clock.now()
        world.run()
        with world.store.write() as tx:
            poll(tx, world.now)

    goes_round()
    before = world.rows("SELECT step, unanswered, deadline_at FROM alerts")
    host.wall += DAY
    goes_round()
    host.passes(2 * MINUTE)
    goes_round()
    host.wall -= DAY
    goes_round()
    assert world.rows("SELECT count(*) FROM absences") == [(0,)]
    assert world.rows("SELECT step, unanswered, deadline_at FROM alerts") == before
    host.wall += DAY  # and one that lasts is the time
    goes_round()
    host.passes(DOUBTED_MS)
    goes_round()
    assert world.rows("SELECT patient_id FROM absences") == [(patient,)]


def test_a_jump_is_told_until_the_clock_is_believed_again(world: World) -> None:
    with world.store.write() as tx:
        note_clock(tx, -HOUR, T0)
    told = "SELECT priority, detail, cleared_at FROM alerts WHERE rule = 'server-clock-jumped'"
    assert world.rows(told) == [("high", "-3600 s", None)]
    with world.store.write() as tx:
        note_clock(tx, 0, T0 + 1)
    assert world.rows(told) == [("high", "-3600 s", T0 + 1)]
