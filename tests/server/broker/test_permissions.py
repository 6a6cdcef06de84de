"""Who may write and read what. Delivery decides, never a PUBACK or a SUBACK: NATS grants both."""

import time
from datetime import UTC, datetime

import pytest

from server import authority
from server.broker import access
from server.errors import NotFound, NotPermitted

pytestmark = [pytest.mark.broker, pytest.mark.processes]


def _settle(seconds: float = 0.5) -> None:
    """Give a message that must not come the time to come."""
    time.sleep(seconds)


def test_a_gateway_reaches_intake_and_intake_the_gateway(broker, wait_until):
    intake = broker.intake()
    gateway = broker.client("gw-001").connect().subscribe("vicino/1/gw-001/down")
    assert gateway.publish("vicino/1/gw-001/up", b"measurements")
    assert intake.publish("vicino/1/gw-001/down", b"receipt")
    assert wait_until(lambda: intake.received == [("vicino/1/gw-001/up", b"measurements")])
    assert wait_until(lambda: gateway.received == [("vicino/1/gw-001/down", b"receipt")])


def test_without_a_certificate_there_is_no_connection(broker):
    assert broker.client("").refused()


def test_a_certificate_of_another_authority_is_refused(broker, tmp_path):
    now = datetime.now(UTC)
    authority.make_authority(tmp_path / "other", now)
    broker.certify("gw-fake", authority.issue_gateway(tmp_path / "other", "gw-001", now))
    assert broker.client("gw-fake").refused()
    assert not broker.client("gw-001").refused()


def test_another_gateways_topic_is_not_written(broker, wait_until):
    intake = broker.intake()
    thief = broker.client("gw-002").connect()
    for topic in ("vicino/1/gw-001/up", "vicino/1/gw-002/down", "vicino/1/gw-001/down", "x"):
        assert thief.publish(topic, b"false")  # the PUBACK comes all the same
    thief.publish("vicino/1/gw-002/up", b"true")
    assert wait_until(lambda: len(intake.received) > 0)
    _settle()
    assert intake.received == [("vicino/1/gw-002/up", b"true")]


def test_the_user_name_in_the_connect_counts_for_nothing(broker):
    intake = broker.intake()
    thief = broker.client("gw-002")
    thief.mqtt.username_pw_set("gw-001")
    thief.connect().publish("vicino/1/gw-001/up", b"false")
    _settle()
    assert intake.received == []


@pytest.mark.parametrize(
    "topic",
    ["vicino/1/gw-001/down", "vicino/1/gw-001/up", "vicino/1/+/down", "#", "$MQTT/#", "$SYS/#"],
)
def test_what_others_are_sent_is_not_received(broker, topic):
    thief = broker.client("gw-002").connect().subscribe(topic)
    intake = broker.intake()
    owner = broker.client("gw-001").connect()
    assert owner.publish("vicino/1/gw-001/up", b"private")
    assert intake.publish("vicino/1/gw-001/down", b"private")
    _settle()
    assert thief.received == []


def test_a_foreign_will_is_dropped(broker):
    intake = broker.intake()
    thief = broker.client("gw-002")
    thief.mqtt.will_set("vicino/1/gw-001/up", b"false", qos=1)
    thief.connect()
    thief.mqtt.loop_stop()
    thief.mqtt.socket().close()
    _settle(1)
    assert intake.received == []


def test_a_taken_client_id_leaks_no_queued_receipt(broker):
    owner = broker.client("gw-001", "gw-001-session").connect().subscribe("vicino/1/gw-001/down")
    owner.close()
    broker.intake().publish("vicino/1/gw-001/down", b"private")
    thief = broker.client("gw-002", "gw-001-session").connect()
    _settle(1)
    assert thief.received == []


def test_two_megabytes_reach_intake_to_be_refused_there(broker, wait_until):
    intake = broker.intake()
    payload = b"x" * (2 * 1024 * 1024)
    broker.client("gw-001").connect().publish("vicino/1/gw-001/up", payload)
    assert wait_until(lambda: len(intake.received) == 1)
    assert len(intake.received[0][1]) == len(payload)


def test_a_revoked_gateway_is_disconnected_and_stays_out(broker, wait_until):
    gateway = broker.client("gw-001").connect()
    access.revoke(broker.settings, "gw-001")
    assert wait_until(lambda: gateway.connects[-1] is False)
    with pytest.raises(NotPermitted, match="revoked"):
        access.admit(broker.settings, ["gw-003", "gw-001"])
    with pytest.raises(NotFound):
        access.revoke(broker.settings, "gw-003")


def test_the_page_takes_access_at_once_and_again_is_no_error(broker, wait_until):
    gateway = broker.client("gw-001").connect()
    of_the_page = access.BrokerAccess(broker.settings)
    for name in ("gw-001", "gw-001", "gw-never-listed"):
        of_the_page.revoke(name)
    assert wait_until(lambda: gateway.connects[-1] is False)


@pytest.mark.parametrize("name", ["", "GW", "a.b", "gw/1", "gw *", "x" * 64, "vicino-intake", "é"])
def test_a_name_that_could_reach_further_is_refused(prepared, name):
    with pytest.raises(NotPermitted):
        access.admit(prepared, [name])


def test_who_lost_access_in_the_database_alone_loses_it_at_the_brokers_next_start(broker):
    """The server died between the two: the database says revoked, the list does not yet."""
    assert not broker.client("gw-002").refused()
    access.keep_out(broker.settings, ["gw-002", "gw-never-seen"])
    assert broker.client("gw-002").refused()
    assert not broker.client("gw-001").refused()
    with pytest.raises(NotPermitted, match="never given again"):
        access.admit(broker.settings, ["gw-002"])
