"""Random days of a team in virtual time: after every move each open alert has somebody (H4, H9).

Real engine, services, poller and database. What is asserted is DESIGN's sentence: an open alert
has a running deadline and an owner on duty or a chain that runs, or is unanswered.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from server.domain.alerts import RECIPIENT_TOLD, Alert, Outcome, Reason
from server.domain.chains import default_chain
from server.domain.instants import DAY, HOUR, MINUTE
from server.errors import NotFound, ServerError
from server.ports.directory import User
from server.ports.store import Transaction
from server.services import alert_work, shifts
from server.services.agreeing import Agreement, agree_hours
from server.services.duty import duty_of
from server.services.polling import poll
from server.stores.database import Database
from tests.server.world import T0, World, envelope, wire

SEQUENCES, MOVES = 12, 70
CUFF = "AA:BB:CC:DD:EE:01"
PLAN = {
    "thresholds": [
        {"code": "systolic", "source": "test", "high_inner": "160", "high_outer": "180",
         "hysteresis": "5", "step": "10"}
    ],
    "expected": [{"code": "systolic", "due": "20:00"}],
}  # fmt: skip
# What begins a chain anew: after it, each step may be told once more.
STARTS = {Reason.RAISED, Reason.AGAIN, Reason.WORSE, Reason.FOLLOW_UP_PASSED, Reason.OFF_DUTY,
          Reason.PAUSE_ENDED}  # fmt: skip


class Days:
    """One team's days: random moves on a world, each checked."""

    def __init__(self, world: World, draw: random.Random) -> None:
        self.world, self.draw, self.seq = world, draw, 0
        self.done: Counter[str] = Counter()
        world.device(CUFF, world.patient())
        world.plan(1, PLAN)
        world.run()
        self.staff = [
            world.staff("anna", "Anna Neri", "nurse", None),
            world.staff("bruno", "Bruno Conti", "nurse", None),
            world.staff("dora", "Dora Gallo", "doctor", None),
            world.staff("gmedica", "Guardia", "doctor", None),
        ]
        if draw.random() < 0.6:
            agreed = Agreement(
                chc="CHC Susa", recipient="gmedica", recipient_hours="Mon-Sun 20:00-07:00"
            )
            self.write(lambda tx: agree_hours(tx, agreed, world.now))

    def write(self, act: Callable[[Transaction], object]) -> None:
        with self.world.store.write() as tx:
            act(tx)

    def move(self) -> None:
        moves = [self.wait, self.wait, self.measure, self.measure, self.come_on, self.go_off,
                 self.acknowledge, self.close, self.pause, self.resume, self.hand_over]  # fmt: skip
        chosen = self.draw.choice(moves)
        try:
            chosen()
            self.done[chosen.__name__] += 1
        except ServerError:
            self.done["refused"] += 1
        self.check()

    def wait(self) -> None:
        self.world.now += self.draw.choice([MINUTE, 10 * MINUTE, HOUR, 5 * HOUR, 11 * HOUR])
        self.world.run()
        self.write(lambda tx: poll(tx, self.world.now))

    def measure(self) -> None:
        self.seq += 1
        value = self.draw.choice(["120", "165", "172", "185", "199", "230"])
        at = self.world.now - self.draw.choice([0, 0, 0, 2 * HOUR, 30 * HOUR])
        one = wire(self.seq, self.seq, {"systolic": value}, at)
        self.world.send(envelope("gw-1", [one], self.seq))
        self.world.run()

    def somebody(self) -> User:
        return self.world.user(self.draw.choice(self.staff).name)

    def come_on(self) -> None:
        self.write(lambda tx: shifts.come_on(tx, self.somebody(), self.world.now))

    def go_off(self) -> None:
        user, to = self.somebody(), self.draw.choice(["", "anna", "dora"])

        def act(tx: Transaction) -> None:
            if to:
                alert_work.hand_over_all(tx, user, to, self.world.now)
            shifts.go_off(tx, user, self.world.now)

        self.write(act)

    def alert(self, fits: Callable[[Alert], object] = bool) -> Alert:
        if found := [alert for alert in self.opened() if fits(alert)]:
            return self.draw.choice(found)
        raise NotFound("no open alert fits")

    def acknowledge(self) -> None:
        number, user = self.alert().id, self.somebody()
        self.write(lambda tx: alert_work.acknowledge(tx, user, number, self.world.now))

    def close(self) -> None:
        number, user, outcome = self.alert().id, self.somebody(), self.draw.choice(list(Outcome))
        review = self.world.now + self.draw.choice([HOUR, DAY, 3 * DAY])
        self.write(lambda tx: alert_work.close(tx, user, number, outcome, review, self.world.now))

    def pause(self) -> None:
        number, user = self.alert().id, self.somebody()
        until = self.world.now + self.draw.choice([HOUR, 4 * HOUR, DAY])
        self.write(lambda tx: alert_work.pause(tx, user, number, until, "a visit", self.world.now))

    def resume(self) -> None:
        number, user = self.alert(lambda alert: alert.paused_until).id, self.somebody()
        self.write(lambda tx: alert_work.resume(tx, user, number, self.world.now))

    def hand_over(self) -> None:
        alert = self.alert(lambda alert: alert.owner)
        owner = self.world.user(alert.owner or "")
        with self.world.store.read() as tx:
            there = [one.name for one in tx.directory.on_duty(self.world.chc, self.world.now)]
        to = self.draw.choice([*there, "nobody"])
        self.write(lambda tx: alert_work.hand_over(tx, owner, alert.id, to, self.world.now))

    def opened(self) -> list[Alert]:
        with self.world.store.read() as tx:
            numbers = self.world.rows("SELECT id FROM alerts WHERE closed_at IS NULL ORDER BY id")
            found = [tx.alerts.get(number) for (number,) in numbers]
        return [alert for alert in found if alert is not None]

    def check(self) -> None:
        with self.world.store.read() as tx:
            duty = duty_of(tx, self.world.chc, self.world.now)
        for alert in self.opened():
            self.done["looked at"] += 1
            if alert.owner is not None:
                assert duty.reads(alert.owner), f"{alert} is owned by somebody off duty"
            if alert.paused_until is not None:
                assert alert.deadline_at == alert.paused_until > self.world.now, alert
            elif alert.unanswered:
                self.done["unanswered"] += 1
                assert alert.owner is None, alert
            else:
                assert alert.deadline_at is not None, alert
                assert alert.deadline_at > self.world.now, alert
                if alert.owner is None and alert.step:
                    self.done["chains"] += 1
                    if alert.step >= RECIPIENT_TOLD:
                        self.done["recipient"] += 1
                        assert duty.recipient is not None, alert
                    else:
                        chain = default_chain(alert.kind, alert.rule, alert.priority)
                        assert duty.has(chain[alert.step - 1].role), alert
        self.check_messages()

    def check_messages(self) -> None:
        """No step of a chain is told twice, and an unanswered alert once to each who arrives."""
        told: dict[int, set[tuple[str, str, str | None]]] = {}
        started: dict[int, int] = {}
        arrived: Counter[tuple[int, str]] = Counter()
        query = 'SELECT alert_id, reason, role, "user", written_at FROM messages ORDER BY id'
        for number, reason, role, user, at in self.world.rows(query):
            if reason in STARTS:
                if started.get(number) != at:
                    told[number] = set()
                started[number] = at
            if reason in {Reason.ESCALATED, Reason.UNANSWERED}:
                assert (reason, role, user) not in told.setdefault(number, set()), (number, reason)
                told[number].add((reason, role, user))
            if reason == Reason.CAME_ON_DUTY:
                arrived[number, user] += 1
        shown = self.world.rows("SELECT detail FROM audit WHERE what = 'came-on-duty'")
        came = Counter(detail.split()[0] for (detail,) in shown)
        assert all(count <= came[user] for (_, user), count in arrived.items())


@pytest.fixture
def fast_store() -> Iterator[Callable[[int], Database]]:
    # In memory where the machine has such a folder: thousands of durable commits prove no more.
    opened: list[Database] = []
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:

        def make(number: int) -> Database:
            opened.append(Database(f"sqlite:///{folder}/{number}.db"))
            return opened[-1]

        yield make
        for database in opened:
            database.close()


def test_whatever_a_team_does_every_open_alert_has_somebody_or_is_unanswered(fast_store) -> None:
    seen: Counter[str] = Counter()
    first = datetime.now(UTC).toordinal() * 100
    for number in range(SEQUENCES):
        print(f"seed {first + number}")
        days = Days(World(fast_store(number), T0, team=()), random.Random(first + number))
        for _ in range(MOVES):
            days.move()
        for _ in range(9):  # every pause ends by itself
            days.world.now += DAY
            days.world.run()
            days.write(lambda tx, now=days.world.now: poll(tx, now))
            days.check()
        assert all(alert.paused_until is None for alert in days.opened())
        seen += days.done
    print(dict(seen))
    for kind in ("acknowledge", "close", "pause", "resume", "hand_over", "go_off", "unanswered",
                 "chains", "recipient"):  # fmt: skip
        assert seen[kind] > 0, f"no sequence came to {kind}"
