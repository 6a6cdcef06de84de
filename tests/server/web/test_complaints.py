"""What users of comparable systems complained of, each tried on ours.

Named after the thread in which it was said: Nightscout (cgm-remote-monitor), xDrip, CARE (TeleICU),
OpenEMR, OpenMRS, Grafana, uPlot, Home Assistant. What needs a real browser is in ``tests/browser``:
charts by keyboard and as a table (Grafana #118642, uPlot #954) in ``test_charts.py``, names of all
controls (Home Assistant #271) by axe in ``test_every_page.py``.
"""

import re

import pytest

from server.errors import WrongInput
from server.messaging.screen import Screen
from server.services import alert_work
from server.services.polling import poll
from server.services.telling import deliver_messages
from tests.server.web.district import DAY, HOUR, MINUTE, District
from tests.server.web.test_worklist import rows

OUTER = "systolic-high-outer"


def told(district: District) -> list[tuple[str, str]]:
    """Deliver what is due, and return who was told of what, ever, in order."""
    deliver_messages(district.store, Screen(lambda: None), district.now)
    query = (
        "select coalesce(messages.user, messages.role), alerts.rule from messages"
        " join alerts on alerts.id = alert_id where delivered_at is not null order by messages.id"
    )
    return [(str(who), str(rule)) for who, rule in district.world.rows(query)]


def later(district: District, by: int, values: dict[str, str] | None = None) -> None:
    """Let time pass, the server alive all the while, and then something be measured."""
    district.now += by
    district.beat(district.now)
    with district.store.write() as tx:
        poll(tx, district.now)
    if values:
        district.measure(values)


def take(district: District, rule: str = OUTER) -> None:
    with district.store.write() as tx:
        anna = district.world.user("anna")
        alert_work.acknowledge(tx, anna, district.alert(rule), district.now)


def test_nightscout_8231_a_snoozed_alarm_rings_again_at_the_next_value(district: District):
    """A pause holds until its end, whatever is measured meanwhile; then it tells again."""
    district.measure({"systolic": "190"})
    take(district)
    with district.store.write() as tx:
        anna, until = district.world.user("anna"), district.now + 4 * HOUR
        alert_work.pause(tx, anna, district.alert(OUTER), until, "Seen, called", district.now)
    before = [rule for _, rule in told(district)].count(OUTER)
    for value in ("191", "186", "192"):
        later(district, HOUR, {"systolic": value})
    assert [rule for _, rule in told(district)].count(OUTER) == before
    later(district, HOUR)
    assert [rule for _, rule in told(district)].count(OUTER) > before


def test_nightscout_5738_nothing_comes_and_nothing_sounds(district: District):
    """What was expected and did not come is told like any alert, to somebody."""
    later(district, DAY)
    district.judge()
    assert any(rule == "missing-systolic" for _, rule in told(district))


def test_nightscout_5720_the_loss_of_signal_is_told_late_or_only_with_the_app_open(
    district: District,
):
    """A gateway that falls silent is told in a quarter of an hour, with no page open anywhere."""
    with district.store.write() as tx:
        tx.measurements.seen_gateway("gw-1", district.now, 0, {})
    later(district, 14 * MINUTE)
    assert not any(rule == "gateway-silent" for _, rule in told(district))
    later(district, 2 * MINUTE)
    assert any(rule == "gateway-silent" for _, rule in told(district))


def test_nightscout_5180_what_was_acknowledged_is_pushed_again(district: District):
    """Once taken on, the same trouble tells nobody anew before its follow-up is due."""
    district.measure({"systolic": "190"})
    told(district)
    take(district)
    before = told(district)
    for value in ("188", "190", "189"):
        later(district, 15 * MINUTE, {"systolic": value})
    assert [rule for _, rule in told(district)].count(OUTER) == [r for _, r in before].count(OUTER)


def test_nightscout_1597_sent_once_and_never_again(district: District):
    """Whom nobody answers: each step of the chain is told, and the end is loud."""
    district.measure({"spo2": "80"})
    first = told(district)
    for _ in range(6):
        later(district, 15 * MINUTE)
        told(district)
    assert len(set(told(district))) > len(set(first))
    assert district.world.rows(
        f"select unanswered from alerts where id = {district.alert('spo2-low-outer')}"
    ) == [(1,)]
    assert "UNANSWERED" in rows(district)[0]


def test_xdrip_2406_snoozed_until_it_is_switched_on_again_and_forgotten(district: District):
    """No pause without an end, none for ever; and it says who and why wherever it is shown."""
    district.measure({"systolic": "190"})
    take(district)
    anna, alert = district.world.user("anna"), district.alert(OUTER)
    for until in (district.now + 400 * DAY, district.now):
        with pytest.raises(WrongInput), district.store.write() as tx:
            alert_work.pause(tx, anna, alert, until, "Quiet, please", district.now)
    with pytest.raises(WrongInput), district.store.write() as tx:
        alert_work.pause(tx, anna, alert, district.now + HOUR, " ", district.now)
    with district.store.write() as tx:
        alert_work.pause(tx, anna, alert, district.now + HOUR, "In hospital", district.now)
    paused = next(row for row in rows(district) if "above 180" in row)
    assert "paused by Anna Neri: In hospital" in paused


def test_care_15812_a_table_of_vitals_does_not_show_which_value_is_dangerous(district: District):
    district.measure({"systolic": "130"}, ago=2 * HOUR)
    district.measure({"systolic": "190"})
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    table = page[page.index('<table class="table table-sm values">') :]
    lines = [re.sub(r"<[^>]+>", " ", one) for one in re.findall(r"<tr>.*?</tr>", table)]
    (dangerous,) = (one for one in lines if "190" in one)
    (calm,) = (one for one in lines if "130" in one)
    assert "beyond the outer limit" in dangerous
    assert "beyond" not in calm


def test_openemr_1296_the_patients_own_goals_stand_beside_the_trend(district: District):
    """The limits in force, the patient's own, are drawn and said."""
    district.measure({"systolic": "130"})
    browser = district.browser("anna")
    page = browser.get(f"/patients/{district.maria}").text
    assert "above 180" in page
    assert "below 80" in page
    bands = browser.get(f"/patients/{district.maria}/charts").text
    assert "180" in bands


def test_openmrs_548_a_critical_value_is_not_said_by_colour_alone(district: District):
    district.measure({"systolic": "190"})
    alone = f"/alerts/{district.alert('systolic-high-inner')}/acknowledge"
    district.browser("anna").post(alone)
    high, medium = rows(district)
    assert high.startswith("High")
    assert medium.startswith("Medium")
