"""Makes a care team's moves on the real services, engine, poller and database, in virtual time.

Between two moves the clock stops wherever a deadline lies, and some times a day: as often as the
poller would matter. After each stop the independent model looks.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from contract.messages import Heartbeat, encoder
from server.domain.alerts import Alert
from server.domain.instants import HOUR, from_datetime, to_datetime
from server.errors import ServerError
from server.ports.alerts import Message
from server.ports.channels import Channel, ChannelKind
from server.ports.store import Transaction
from server.services import alert_work, shifts
from server.services.agreeing import Agreement, agree_hours
from server.services.delivering import Letter, due_letters, note_failed, note_sent
from server.services.judging import Judge
from server.services.polling import poll_all
from server.services.storing import Arrival
from server.services.telling import deliver_messages
from server.stores.database import Database
from server.web.worklist import ordered
from simulators import care_team
from simulators.care_team import Deed, Move
from tests.server.world import World, envelope, wire
from tests.simulation.model import Watch

BEGIN = from_datetime(datetime(2026, 10, 5, tzinfo=ZoneInfo("Europe/Rome")))
PLAN = {
    "thresholds": [
        {"code": "systolic", "source": "ESC 2024", "high_inner": "160", "high_outer": "180",
         "hysteresis": "5", "step": "15"}
    ],
    "expected": [{"code": "systolic", "due": "20:00"}],
}  # fmt: skip
EPOCHS = ("a" * 32, "b" * 32)
# Where hours and the stand-in begin and end; some more for what has no deadline: silent gateways.
STOPS = [hour * HOUR for hour in (0, 2, 3, 7, 8, 11, 14, 17, 20, 24)]


_LOOPS_SEE = (Deed.MEASURES, Deed.SPEAKS_AGAIN, Deed.SERVER_STARTS, Deed.NIGHTS_AGREED,
              Deed.LEAVES_THE_JOB)  # fmt: skip


@dataclass
class Home:
    """A gateway: what it has not sent yet waits in it while it is silent."""

    name: str
    epoch: str
    silent: bool = False
    greeted: bool = False
    seq: int = 0
    waiting: list[tuple[Any, int, int]] = field(default_factory=list)


class Screen:
    """The pages, which show everything."""

    def deliver(self, message: Message) -> bool:
        return True


class Month:
    """One team's month. ``seen`` counts the moves that were made and the states they led to."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.world = World(Database(f"sqlite:///{folder / f'{seed}.db'}"), BEGIN, team=())
        self.watch = Watch(folder / f"{seed}.db")
        self.seen: Counter[str] = Counter()
        self.running, self.post_works, self.dies_sending = True, True, False
        self.listening_since = BEGIN
        self.homes = [Home(f"gw-{n}", epoch) for n, epoch in enumerate(EPOCHS, 1)]
        self._people()
        self._moves = care_team.month(seed)

    def _people(self) -> None:
        with self.world.store.write() as tx:
            tx.directory.add_gateway("gw-2", self.world.chc, BEGIN, None)
        for patient in range(1, care_team.PATIENTS + 1):
            person = self.world.patient(f"P{patient}")
            self.world.device(f"AA:BB:CC:DD:EE:{patient:02}", person)
            self.world.plan(person, PLAN)
        for person in care_team.PEOPLE:
            user = self.world.staff(person.name, person.full_name, person.role, None)
            channel = Channel(
                0, user.chc_id, user.id, ChannelKind.EMAIL, f"{user.name}@example.org", BEGIN
            )
            with self.world.store.write() as tx:
                tx.channels.add(channel)

    def run(self) -> None:
        """Make every move of the month, and let the last pauses run out."""
        for move in self._moves:
            self._wait_until(BEGIN + move.at)
            self._make(move)
            self._seen(move)
        self._wait_until(self.world.now + 8 * care_team.DAY)
        over = self.world.rows("SELECT id FROM alerts WHERE paused_until IS NOT NULL"
                               " AND closed_at IS NULL")  # fmt: skip
        if over:
            self.watch.broken.append(f"the pauses of {over} never ended")

    def _seen(self, move: Move) -> None:
        """Look at what a move led to; of homes, the server, and who left, its loops see first."""
        if move.deed in _LOOPS_SEE:
            self._settle()
        elif self.running and move.deed is not Deed.LOOKS_ONLY:
            self.watch.look(self.world.now)
            self.watch.listing(self.listed())

    def close(self) -> None:
        self.watch.close()
        self.world.store.close()

    @property
    def broken(self) -> list[str]:
        return self.watch.broken

    def _wait_until(self, at: int) -> None:
        while (stop := self._next_stop()) <= at:
            self.world.now = stop
            self._settle()
        self.world.now = at

    def _next_stop(self) -> int:
        """Return the next deadline ahead, or the next stop of the day."""
        now = self.world.now
        if not self.running:
            return now + care_team.DAY
        query = (
            "SELECT min(at) FROM (SELECT min(deadline_at) AS at FROM alerts WHERE deadline_at > :n"
            " UNION SELECT min(on_duty_until) FROM users WHERE on_duty_until > :n"
            " UNION SELECT min(next_review_at) FROM alerts WHERE next_review_at > :n)"
        )
        ((found,),) = self.world.rows(query.replace(":n", str(now)))
        day = now - (now - BEGIN) % care_team.DAY
        ahead = [*(day + stop for stop in STOPS), found or 0, self.world.judge.state.next_due()]
        return min(at for at in ahead if at > now)

    def _settle(self) -> None:
        """Let the server do what is due, as its loops would within seconds, and look."""
        if not self.running:
            return
        for home in self.homes:
            self._speak(home)
        self.world.run()
        poll_all(self.world.store, self.world.now, self.listening_since)
        deliver_messages(self.world.store, Screen(), self.world.now)
        self._post()
        self.watch.look(self.world.now)

    def _speak(self, home: Home) -> None:
        """Send what waits, and a heartbeat: one after a silence, then only its trace."""
        if home.silent:
            return
        now, waiting = self.world.now, home.waiting
        if not home.greeted:
            beat = Heartbeat(gateway=home.name, epoch=home.epoch, seq=home.seq + 1, sent_at=now,
                             clock="synchronised", outbox_depth=len(waiting))  # fmt: skip
            self.world.send(Arrival(home.name, encoder.encode(beat)))
            home.greeted = True
        if not waiting:
            with self.world.store.write() as tx:
                tx.measurements.seen_gateway(home.name, now, 0, {})
            return
        elements = [one for one, _, _ in waiting]
        self.world.send(envelope(home.name, elements, elements[0].seq, home.epoch))
        home.waiting = []
        self.world.run()
        newest = {patient: one for one, patient, _ in waiting}
        for one, patient, systolic in waiting:
            if newest[patient] is one:
                self.watch.arrived(patient, systolic, one.received_at, now)

    def _post(self) -> None:
        """Send the letters that are due; a server may die between sending and noting."""
        with self.world.store.read() as tx:
            if not tx.channels.waiting(self.world.now, 1, ()):
                return
        with self.world.store.write() as tx:
            letters = due_letters(tx, self.world.now, ())
        for letter in letters:
            self.watch.sent(letter.delivery_ids)
            if self.dies_sending:
                self.dies_sending = False
                self.seen["died between sending and noting"] += 1
                self._restart()
                return
            with self.world.store.write() as tx:
                self._note(tx, letter)

    def _restart(self) -> None:
        """Lose the engine's memory, as the end of a process does."""
        self.world.judge = Judge(self.world.store, self.world.restored(), self.listening_since)

    def _note(self, tx: Transaction, letter: Letter) -> None:
        self.seen["letter sent" if self.post_works else "letter failed"] += 1
        if self.post_works:
            note_sent(tx, letter, self.world.now)
        else:
            note_failed(tx, letter, "refused", self.world.now, 0.5)

    def _make(self, move: Move) -> None:
        act: Callable[[Move], object] = getattr(self, "_" + move.deed.name.lower())
        try:
            act(move)
            self.seen[move.deed] += 1
        except ServerError as error:
            self.seen[f"refused: {type(error).__name__}"] += 1

    def _measures(self, move: Move) -> None:
        patient = int(move.who)
        home = self.homes[patient % len(self.homes)]
        home.seq += 1
        one = wire(home.seq, 1_000_000 * patient + home.seq, {"systolic": move.other},
                   self.world.now, device=f"AA:BB:CC:DD:EE:{patient:02}")  # fmt: skip
        home.waiting.append((one, patient, int(move.other)))
        if home.silent or not self.running:
            self.seen["kept while silent"] += 1

    def _falls_silent(self, move: Move) -> None:
        home = self.homes[int(move.who) - 1]
        home.silent, home.greeted = True, False

    def _speaks_again(self, move: Move) -> None:
        self.homes[int(move.who) - 1].silent = False

    def _server_stops(self, _: Move) -> None:
        self.running = False

    def _server_starts(self, _: Move) -> None:
        self.running = True
        self.listening_since = self.world.now
        for home in self.homes:
            home.greeted = False
        self._restart()

    def _dies_sending(self, _: Move) -> None:
        self.dies_sending = True

    def _post_fails(self, _: Move) -> None:
        self.post_works = False

    def _post_works(self, _: Move) -> None:
        self.post_works = True

    def _nights_agreed(self, move: Move) -> None:
        agreed = Agreement(
            chc="CHC Susa",
            recipient=move.who,
            recipient_hours="Mon-Sun 20:00-07:00",
            stand_in=care_team.STAND_IN,
            stand_in_from=_written(care_team.STANDS_IN_FROM),
            stand_in_until=_written(care_team.STANDS_IN_UNTIL),
        )
        self._write(lambda tx: agree_hours(tx, agreed, self.world.now))

    def _leaves_the_job(self, move: Move) -> None:
        with self.world.store.write() as tx:
            tx.connection.exec_driver_sql(
                f"UPDATE users SET disabled_at = {self.world.now} WHERE name = '{move.who}'"
            )

    def _comes_on(self, move: Move) -> None:
        self._write(lambda tx: shifts.come_on(tx, self.world.user(move.who), self.world.now))

    def _goes_off(self, move: Move) -> None:
        self._write(lambda tx: shifts.go_off(tx, self.world.user(move.who), self.world.now))

    def _hands_over_and_goes(self, move: Move) -> None:
        user = self.world.user(move.who)

        def act(tx: Transaction) -> None:
            alert_work.hand_over_all(tx, user, move.other, self.world.now)
            shifts.go_off(tx, user, self.world.now)

        self._write(act)

    def _looks_only(self, _: Move) -> None:
        self.alerts()

    def _claims(self, move: Move) -> None:
        alert = self._pick(move, lambda one: one.owner is None)
        user = self.world.user(move.who)
        self._write(lambda tx: alert_work.acknowledge(tx, user, alert.id, self.world.now))
        self.seen[f"claimed {alert.priority}"] += 1

    def _two_claim(self, move: Move) -> None:
        """Both saw it unclaimed, and click at once: the second learns who was first."""
        alert = self._pick(move, lambda one: one.owner is None)
        first, second = self.world.user(move.who), self.world.user(move.other)
        for user in (first, second):
            with self.world.store.write() as tx:
                taken = alert_work.acknowledge(tx, user, alert.id, self.world.now)
            if taken.owner != first.name:
                self.watch.broken.append(f"alert {alert.id} changed hands by a second click")

    def _notes(self, move: Move) -> None:
        alert, user = self._pick(move, bool), self.world.user(move.who)
        self._write(lambda tx: alert_work.note(tx, user, alert.id, "called", self.world.now))

    def _pauses(self, move: Move) -> None:
        alert, user = self._pick(move, lambda one: one.patient_id), self.world.user(move.who)
        until = self.world.now + move.amount * HOUR
        self._write(lambda tx: alert_work.pause(tx, user, alert.id, until, "known", self.world.now))

    def _resumes(self, move: Move) -> None:
        alert, user = self._pick(move, lambda one: one.paused_until), self.world.user(move.who)
        self._write(lambda tx: alert_work.resume(tx, user, alert.id, self.world.now))

    def _hands_over(self, move: Move) -> None:
        alert = self._pick(move, lambda one: one.owner == move.who)
        user = self.world.user(move.who)
        self._write(lambda tx: alert_work.hand_over(tx, user, alert.id, move.other, self.world.now))

    def _closes(self, move: Move) -> None:
        alert = self._pick(move, lambda one: one.owner == move.who)
        user, review = self.world.user(move.who), self.world.now + move.amount * HOUR
        self._write(
            lambda tx: alert_work.close(tx, user, alert.id, move.other, review, self.world.now)
        )
        self.seen[f"closed {alert.kind}"] += 1

    def _pick(self, move: Move, fits: Callable[[Alert], object]) -> Alert:
        user = self.world.user(move.who)
        seen = [alert for alert in self.alerts() if alert_work.may_see(user, alert)]
        found = [alert for alert in seen if fits(alert)]
        if not self.running or not found:
            raise NothingFits
        return found[int(move.pick * len(found))]

    def listed(self) -> list[int]:
        """Return the numbers of the worklist's rows, from its top."""
        return [alert.id for alert in self.alerts()]

    def claim_red(self, patient: str, systolic: str) -> None:
        """Have a patient measure a value beyond the outer limit, and anna take on the first."""
        self.world.now += care_team.MINUTE
        self._make(Move(0, Deed.MEASURES, patient, systolic))
        self._settle()
        if patient == "1":
            self._make(Move(0, Deed.CLAIMS, "anna"))
            self._settle()

    def alerts(self) -> list[Alert]:
        """Return the worklist's alerts of both tabs, sorted as its page sorts them."""
        with self.world.store.read() as tx:
            rows = [row for technical in (False, True)
                    for row in tx.views.worklist(self.world.chc, technical=technical)]  # fmt: skip
        return [row.alert for row in ordered(rows)]

    def _write(self, act: Callable[[Transaction], object]) -> None:
        if not self.running:
            raise NothingFits
        with self.world.store.write() as tx:
            act(tx)


class NothingFits(ServerError):
    """There is nothing to do this with, or no server to do it on."""


def _written(after: int) -> str:
    """Write a moment of the month as an agreement takes it."""
    return to_datetime(BEGIN + after).isoformat()
