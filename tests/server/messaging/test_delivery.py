"""At least once, never again after a recorded success, whatever the receiver does."""

import signal
import subprocess
import sys
from contextlib import AbstractContextManager

import pytest

from server.domain.instants import DAY, HOUR, MINUTE, at_local, civil_day
from server.domain.priorities import Priority
from server.errors import StoreUnavailable
from server.ports.channels import ChannelKind
from server.ports.store import Transaction
from server.stores.database import Database
from tests.server.messaging.conftest import PAGES, Office
from tests.server.messaging.receivers import Web, web_server

LYING = ("fails", "closes", "garbage")


class Away:
    """A real store that can be away."""

    def __init__(self, store: Database) -> None:
        self._store, self.away = store, False

    def write(self) -> AbstractContextManager[Transaction]:
        if self.away:
            raise StoreUnavailable("away")
        return self._store.write()

    def read(self) -> AbstractContextManager[Transaction]:
        return self._store.read()


def service(port: int) -> str:
    return f"json://127.0.0.1:{port}/"


def test_who_is_on_duty_in_the_role_is_sent_one_letter(office: Office):
    office.world.staff("bruno", "Bruno Conti", "nurse", until=None)
    for name in ("anna", "bruno", "dora"):
        office.channel(name, f"{name}@chc.example")
    number = office.matter()
    office.look()
    (letter,) = office.mailbox.letters
    assert letter["To"] == "anna@chc.example"
    assert letter["Subject"] == "Vicino: un allarme di priorità alta attende (CHC Susa)."
    assert letter.get_content().splitlines() == [letter["Subject"], f"{PAGES}/alerts/{number}"]
    assert letter["Auto-Submitted"] == "auto-generated"
    assert office.fates() == [(1, 1, True, False)]


def test_after_a_recorded_success_nothing_is_sent_again(office: Office):
    office.channel("anna", "anna@chc.example")
    office.matter()
    for _ in range(3):
        office.tell()
        office.look()
        office.world.now += HOUR
    assert len(office.mailbox.letters) == 1


@pytest.mark.processes
def test_killed_between_sending_and_recording_it_is_sent_once_more(office: Office):
    office.channel("anna", "anna@chc.example")
    office.matter()
    program = [sys.executable, "-m", "tests.server.messaging.dying"]
    where = [str(office.world.store.url), str(office.port), str(office.world.now)]
    assert subprocess.run([*program, *where], timeout=60).returncode == -signal.SIGKILL
    assert office.fates() == [(1, 0, False, True)]
    office.look()
    office.look()
    assert office.fates() == [(1, 1, True, False)]
    first, second = office.mailbox.letters
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"] is not None


def test_what_is_due_at_once_is_one_letter(office: Office):
    office.channel("anna", "anna@chc.example")
    office.matter("gateway-silent", Priority.MEDIUM)
    office.matter("envelope-refused", Priority.HIGH)
    office.look()
    (letter,) = office.mailbox.letters
    assert "2 allarmi attendono, il più urgente è di priorità alta" in letter["Subject"]
    assert f"{PAGES}/worklist" in letter.get_content()
    assert office.fates() == [(1, 1, True, False)] * 2


@pytest.mark.parametrize("answer", ["451 later", "550 no such user", "999 what"])
def test_a_refused_letter_is_tried_again_until_it_is_taken(office: Office, answer: str):
    office.channel("anna", "anna@chc.example")
    office.mailbox.answer = answer
    office.matter()
    office.look()
    office.look()  # its time has not come
    assert office.fates() == [(1, 1, False, True)]
    office.mailbox.answer = "250 taken"
    office.world.now += MINUTE
    office.look()
    assert office.fates() == [(1, 2, True, False)]
    assert len(office.mailbox.letters) == 1


@pytest.mark.parametrize("behaviour", LYING)
def test_a_service_that_fails_or_lies_is_tried_again(office: Office, behaviour: str):
    web = Web(behaviour)
    with web_server(web) as port:
        office.channel("anna", service(port), ChannelKind.APPRISE)
        number = office.matter()
        office.look()
        assert office.fates() == [(1, 1, False, True)]
        web.behaviour = "takes"
        office.world.now += MINUTE
        office.look()
    assert office.fates() == [(1, 2, True, False)]
    (body,) = web.bodies
    assert f"{PAGES}/alerts/{number}".encode() in body


def test_receivers_that_never_end_hold_nobody_else_up(office: Office):
    stalling, trickling = Web("stalls"), Web("trickles")
    with web_server(stalling) as one, web_server(trickling) as two:
        office.channel("anna", service(one), ChannelKind.APPRISE)
        office.channel("anna", service(two), ChannelKind.APPRISE)
        office.channel("anna", "anna@chc.example")
        office.matter()
        office.delivery.look(office.pool)
        office.delivery._under_way[3][1].result(timeout=8)
        assert len(office.mailbox.letters) == 1
        assert not office.delivery._under_way[1][1].done()
        office.look()
    assert office.fates() == [(1, 1, False, True), (2, 1, False, True), (3, 1, True, False)]
    said = office.world.rows("select error from deliveries order by id")
    assert "Connection error" in said[0][0]  # a silence of four seconds is one to Apprise
    assert said[1:] == [("no answer within 10 seconds",), (None,)]


def test_nothing_is_tried_for_a_closed_alert_or_after_a_day(office: Office):
    office.channel("anna", "anna@chc.example")
    office.mailbox.answer = "451 later"
    number = office.matter("gateway-silent")
    office.matter("envelope-refused")
    office.look()
    with office.world.store.write() as tx:
        alert = tx.alerts.get(number)
        assert alert is not None
        tx.connection.exec_driver_sql(f"update alerts set closed_at = 1 where id = {number}")
    office.world.now += MINUTE
    office.look()
    assert office.fates() == [(1, 1, False, False), (1, 2, False, True)]
    office.world.now += DAY
    office.mailbox.answer = "250 taken"
    office.look()
    assert office.fates() == [(1, 1, False, False), (1, 2, False, False)]
    assert office.mailbox.letters == []


def test_nothing_is_sent_to_who_does_not_work_here_any_more(office: Office):
    office.channel("anna", "anna@chc.example")
    office.matter()
    with office.world.store.write() as tx:
        tx.connection.exec_driver_sql("update users set disabled_at = 1 where name = 'anna'")
    office.look()
    assert office.fates() == [(1, 0, False, False)]
    assert office.mailbox.letters == []


def test_while_a_success_cannot_be_recorded_nothing_is_sent_again(office: Office):
    office.channel("anna", "anna@chc.example")
    office.matter()
    store = office.delivery._store = Away(office.world.store)
    office.delivery.look(office.pool)
    office.delivery._under_way[1][1].result()
    store.away = True
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            office.delivery.look(office.pool)
    store.away = False
    office.look()
    assert office.fates() == [(1, 1, True, False)]
    assert len(office.mailbox.letters) == 1


def test_a_channel_that_fails_for_an_hour_is_a_matter_until_it_works(office: Office):
    office.channel("anna", "anna@chc.example")
    office.mailbox.answer = "451 later"
    office.matter()
    began = office.world.now
    dead = "select cleared_at is null, detail from alerts where rule='channel-dead'"
    tries = 0
    while not office.world.rows(dead):
        office.look()
        tries += 1
        assert office.world.now - began <= 70 * MINUTE
        ((next_try_at,),) = office.world.rows("select max(next_try_at) from deliveries")
        assert 0 < next_try_at - office.world.now <= 15 * MINUTE
        office.world.now = next_try_at
    assert office.world.now - began >= HOUR
    assert 5 <= tries <= 10
    assert office.world.rows(dead) == [(True, "anna")]
    office.mailbox.answer = "250 taken"
    office.world.now += 15 * MINUTE
    office.look()
    assert office.world.rows(dead) == [(False, "anna")]
    assert office.world.rows("select failures, dead_since from channels") == [(0, None)]


def test_quiet_hours_hold_low_messages_alone_until_they_end(office: Office):
    zone, day = "Europe/Rome", civil_day(office.world.now, "Europe/Rome")
    office.world.now = at_local(day, 23 * 60, zone)
    office.channel("anna", "anna@chc.example", quiet=(22 * 60, 7 * 60))
    office.matter("certificate-near-end", Priority.LOW)
    office.look()
    assert office.mailbox.letters == []
    office.matter("envelope-refused", Priority.MEDIUM)
    office.look()
    assert len(office.mailbox.letters) == 1
    office.world.now = at_local(day + 1, 7 * 60, zone)
    office.look()
    assert "priorità bassa" in office.mailbox.letters[-1]["Subject"]
    assert len(office.mailbox.letters) == 2


def test_a_service_that_is_not_allowed_any_more_is_sent_nothing(office: Office):
    web = Web("takes")
    with web_server(web) as port:
        office.channel("anna", f"xml://127.0.0.1:{port}/", ChannelKind.APPRISE)
        office.matter()
        office.look()
    assert web.asked == 0
    assert office.fates() == [(1, 1, False, True)]
