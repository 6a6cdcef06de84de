"""One server a database, and two raisers of one alert on PostgreSQL."""

import threading

import pytest
from sqlalchemy import text

from server.domain.plans import Priority
from server.errors import DatabaseTaken, StoreUnavailable
from server.services.matters import raise_matter
from server.stores.database import Database
from server.stores.sole import Sole
from tests.server.postgres import database_url
from tests.server.world import T0, World


def test_the_right_is_one_servers_until_it_gives_it_up(store):
    first = Sole(store)
    other = Database(store.url)
    with pytest.raises(DatabaseTaken, match="another server"):
        Sole(other)
    first.keep()
    first.close()
    second = Sole(other)
    with pytest.raises(DatabaseTaken):
        first.keep()
    second.close()
    other.close()


@pytest.mark.postgres
def test_a_session_that_postgresql_ended_is_noticed_and_taken_anew():
    store = Database(database_url())
    sole = Sole(store)
    with store.write() as tx:
        tx.connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
    with pytest.raises(StoreUnavailable):
        sole.keep()
    sole.keep()
    other = Database(store.url)
    with pytest.raises(DatabaseTaken):
        Sole(other)
    sole.close()
    for one in (store, other):
        one.close()


@pytest.mark.postgres
def test_two_who_raise_one_alert_at_one_time_raise_one():
    world = World(Database(database_url()))
    first_has_raised, second_waits = threading.Event(), threading.Event()
    outcomes = []

    def raised(tx):
        raise_matter(
            tx,
            chc_id=world.chc,
            subject="server",
            rule="broker-died",
            priority=Priority.MEDIUM,
            detail="",
            now=T0,
        )

    def second():
        try:
            with world.store.write() as tx:
                assert tx.alerts.open_of(["server"]) == {}
                second_waits.set()
                assert first_has_raised.wait(10)
                raised(tx)
        except StoreUnavailable as error:
            outcomes.append(str(error))

    thread = threading.Thread(target=second)
    with world.store.write() as tx:
        thread.start()
        assert second_waits.wait(10)
        raised(tx)
        first_has_raised.set()
        threading.Event().wait(0.5)  # the second insert now waits for our commit
    thread.join(20)
    assert outcomes == ["another transaction just raised this alert"]
    assert world.rows("SELECT count(*) FROM alerts") == [(1,)]
    world.store.close()
