"""One gateway's page: what it says of itself, and taking its access, with another in its place."""

import re

import pytest

from server.domain.instants import HOUR
from server.errors import BrokerUnavailable
from server.services import configuring
from server.services.polling import poll
from server.services.storing import Arrival
from tests.server.web.district import HOSTILE, MINUTE, District
from tests.server.web.test_fleet import beats, born
from tests.server.world import envelope, wire

BROKEN = {"successor": "-", "reason": "Fell into the sink"}


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def silent(district: District) -> None:
    """gw-1 brought a measurement, has some waiting and a clock that is off, and fell silent."""
    district.measure({"systolic": "120"})
    born(district, "gw-1", "boot-a")
    beats(district, "gw-1", outbox_depth=3, clock="unsynchronised", set_aside=1, adapter_resets=2)
    district.now += 20 * MINUTE
    district.beat(district.now)
    with district.store.write() as tx:
        poll(tx, district.now)


def test_what_it_says_of_itself_is_shown_and_no_patient_or_value(district: District):
    silent(district)
    page = district.browser("tito").get("/fleet/gw-1")
    text = plain(page.text)
    assert 'data-state="silent"' in page.text
    for said in ("Patients in the last 90 days 1", "Waiting to be sent 3", "Set aside 1",
                 "Clock not synchronised", "its adapter was reset 2 times",
                 "Version 0.1.0", "Started 20 min"):  # fmt: skip
        assert said in text, said
    assert "Rossi" not in page.text
    assert "120" not in text


def test_it_is_asked_once_more_and_says_what_is_lost(district: District):
    silent(district)
    browser = district.browser("tito")
    page = browser.post("/fleet/gw-1/revoke", BROKEN)
    assert page.status_code == 200
    text = plain(page.text)
    assert "Nothing stands in for it. 1 patient was measured through it" in text
    assert "3 measurements still wait in it." in text
    assert "has not been heard from is closed with it" in text
    assert "keeps measurements that the server refused stays open for a person" in text
    assert district.access.gateways == []
    assert district.world.rows("select revoked_at from gateways where id = 'gw-1'") == [(None,)]


def test_then_its_access_is_gone_at_once(district: District):
    silent(district)
    browser = district.browser("tito")
    answer = browser.post("/fleet/gw-1/revoke", {**BROKEN, "sure": "yes"})
    assert answer.headers["location"] == "/fleet/gw-1?done=gateway-revoked"
    assert district.access.gateways == ["gw-1"]
    refused = district.world.send(envelope("gw-1", [wire(9, 9, {"systolic": "1"}, 0)], 9))
    assert "not known here" in refused[0].reason
    audited = district.world.rows("select who, detail from audit where what = 'gateway-revoked'")
    assert audited == [("tito", "gw-1: Fell into the sink")]
    open_ones = district.world.rows(
        "select rule from alerts where closed_at is null and subject = 'gateway:gw-1'"
    )
    assert {row[0] for row in open_ones} == {"gateway-set-aside", "envelope-refused"}
    assert browser.post("/fleet/gw-1/revoke", {**BROKEN, "sure": "yes"}).status_code == 409
    assert "Take its access" not in browser.get("/fleet/gw-1").text


def test_a_broker_that_is_not_reached_is_said_and_nothing_is_taken_all_the_same(
    district: District,
):
    district.access.error = BrokerUnavailable("no answer")
    browser = district.browser("tito")
    answer = browser.post("/fleet/gw-1/revoke", {**BROKEN, "sure": "yes"})
    assert "gateway-refused" in answer.headers["location"]
    assert "at its next start only" in browser.get(answer.headers["location"]).text
    refused = district.world.send(Arrival("gw-1", b"{}"))
    assert "not known here" in refused[0].reason


def test_another_takes_its_place_and_the_homes_follow(district: District):
    silent(district)
    with district.store.write() as tx:
        for name in ("gw-5", "gw-6"):
            tx.directory.add_gateway(name, district.world.chc, district.now, None)
    browser = district.browser("ada")
    form = {"successor": "gw-5", "reason": "Broken"}
    assert "gw-5 stands in for it" in browser.post("/fleet/gw-1/revoke", form).text
    browser.post("/fleet/gw-1/revoke", {**form, "sure": "yes"})
    assert "replaced by gw-5" in plain(browser.get("/fleet/gw-1").text)

    def home() -> str | None:
        with district.store.read() as tx:
            found = tx.measurements.home(district.maria)
        return found.gateway if found else None

    assert home() == "gw-5"
    browser.post("/fleet/gw-5/revoke", {"successor": "gw-6", "reason": "Too", "sure": "yes"})
    assert home() == "gw-6", "and on to whatever replaces that"
    assert district.access.gateways == ["gw-1", "gw-5"]


def test_a_home_whose_new_box_was_never_heard_of_is_not_said_to_have_measured_nothing(
    district: District,
):
    district.measure({"systolic": "120"})
    with district.store.write() as tx:
        tx.directory.add_gateway("gw-5", district.world.chc, district.now, None)
    form = {"successor": "gw-5", "reason": "Broken", "sure": "yes"}
    district.browser("tito").post("/fleet/gw-1/revoke", form)
    for _ in range(30):
        district.now += HOUR
        district.beat(district.now)
        district.judge()
    causes = {row[0] for row in district.world.rows("select cause from absences")}
    assert causes == {"nothing-yet"}


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("reason", "", "Say why, in 250 characters at most"),
        ("reason", "x" * 251, "Say why, in 250 characters at most"),
        ("successor", "", "Choose a gateway that has access."),
        ("successor", "gw-1", "Choose a gateway that has access."),
        ("successor", "gw-2", "Choose a gateway that has access."),
    ],
)
def test_a_mistake_is_said_at_its_field_and_takes_nothing(
    district: District, field: str, text: str, said: str
):
    form = {**BROKEN, "sure": "yes", field: text}
    answer = district.browser("tito").post("/fleet/gw-1/revoke", form)
    assert answer.status_code == 422
    assert said in answer.text
    assert district.access.gateways == []


@pytest.mark.parametrize("name", ["anna", "dora", "carmen", "sara"])
def test_who_does_not_look_after_gateways_takes_none_away(district: District, name: str):
    browser = district.browser(name)
    assert browser.post("/fleet/gw-1/revoke", {**BROKEN, "sure": "yes"}).status_code == 403
    assert "Take its access" not in browser.get("/fleet/gw-1").text
    assert district.access.gateways == []


def test_its_alert_says_to_a_nurse_whose_home_it_is(district: District):
    """Somebody there may have to be called; the technical service sees no patient."""
    silent(district)
    number = district.alert("gateway-silent")
    page = district.browser("anna").get(f"/alerts/{number}").text
    homes = page[page.index("data-homes") :]
    assert "Rossi" in homes
    assert "tel:0122 1" in homes
    assert "Rossi" not in district.browser("tito").get(f"/alerts/{number}").text


def test_what_became_of_the_settings_given_to_it(district: District):
    page = district.browser("ada").get("/fleet/gw-1").text
    assert "data-configuration" not in page
    with district.store.write() as tx:
        configuring.configure(tx, "gw-1", {"zone": "Europe/Rome"}, "ada", district.now)
    for said, expected in (
        ({}, "not taken yet"),
        ({"configuration": 1}, "in force"),
        (
            {"configuration_refused": 1, "configuration_refused_because": f"no {HOSTILE}"},
            "refused by the gateway",
        ),
    ):
        beats(district, "gw-1", **said)
        page = district.browser("ada").get("/fleet/gw-1").text
        told = page[page.index("data-configuration") :].split("</dd>")[0]
        assert expected in told
        assert "<script>" not in told
