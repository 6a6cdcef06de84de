"""The worklist says who needs somebody now, why, and since when."""

import re

import pytest

from server.services.polling import poll
from tests.server.web.district import DAY, HOUR, MINUTE, WATCHED, District

ROW = re.compile(r'<tr id="alert-(\d+)".*?</tr>', re.DOTALL)


def rows(district: District, address: str = "/worklist", name: str = "anna") -> list[str]:
    """Return the rows as text without tags."""
    page = district.browser(name).get(address).text
    return [
        " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()).replace("&#39;", "'")
        for found in ROW.finditer(page)
    ]


def poll_at(district: District, now: int) -> None:
    district.now = now
    with district.store.write() as tx:
        poll(tx, now)


def test_a_row_says_why_with_value_unit_and_limit(district: District):
    district.measure({"systolic": "190"}, ago=5 * MINUTE)
    (high,) = rows(district)
    assert "High Rossi Maria 1941 Systolic pressure 190 mmHg, above 180 with it:" in high
    assert "with it: Systolic pressure, above 160 (Medium) 5 min ago now nobody has" in high


def test_one_value_beyond_both_limits_is_one_row_and_one_tap_until_they_differ(district: District):
    district.measure({"systolic": "190"}, ago=5 * MINUTE)
    outer, inner = (district.alert(f"systolic-high-{side}") for side in ("outer", "inner"))
    anna = district.browser("anna")
    assert len(rows(district)) == 1
    assert 'Patients <span class="tab-count">2<' in anna.get("/worklist").text
    anna.post(f"/alerts/{outer}/acknowledge")
    assert set(district.world.rows("select id from alerts where owner = 'anna'")) == {
        (outer,),
        (inner,),
    }
    assert len(rows(district, "/worklist?owner=mine")) == 1
    assert "above 160" in rows(district, "/worklist?priority=medium")[0]
    district.browser("bruno").post("/duty/on", {"next": "/worklist"})
    anna.post(f"/alerts/{outer}/hand-over", {"to": "bruno"})
    assert len(rows(district, "/worklist?owner=mine", "bruno")) == 1
    district.measure({"systolic": "170"}, ago=-MINUTE)
    assert ["above 180" in one for one in rows(district)] == [True, False]


def test_the_inner_alert_taken_on_alone_leaves_the_outer_one_to_be_taken(district: District):
    district.measure({"systolic": "190"})
    district.browser("anna").post(f"/alerts/{district.alert('systolic-high-inner')}/acknowledge")
    outer, inner = rows(district)
    assert "nobody has taken it on" in outer
    assert "taken on by Anna Neri" in inner


def test_a_row_carries_what_scripts_and_tests_look_for(district: District):
    district.measure({"systolic": "190"})
    page = district.browser("anna").get("/worklist").text
    number = district.alert("systolic-high-outer")
    row = next(found[0] for found in ROW.finditer(page) if found[1] == str(number))
    assert f'data-alert="{number}" data-priority="high"' in row
    assert f'href="/patients/{district.maria}"' in row
    assert f'href="/alerts/{number}" data-open' in row


def test_a_value_beyond_the_device_is_lo_or_hi_and_never_a_number(district: District):
    district.measure({"spo2": "LO"})
    (row,) = rows(district)
    assert "Oxygen saturation LO, below 88" in row


def test_the_limit_shown_is_the_one_in_force_when_it_was_measured(district: District):
    district.measure({"systolic": "190"})
    later = {"thresholds": [{"code": "systolic", "source": "later", "high_outer": "250"}]}
    district.world.plan(district.maria, later, district.now)
    assert "above 180" in rows(district)[0]


def test_nothing_measured_is_said_as_such(district: District):
    district.measure({"systolic": "120"})
    district.now += 2 * DAY
    for minutes in (40, 30, 20, 10, 1):  # the home's gateway has worked: who measured was heard
        at = district.now - minutes * MINUTE
        with district.store.write() as tx:
            tx.measurements.seen_gateway("gw-1", at, at - 15 * MINUTE, {})
    district.judge()
    assert any("Systolic pressure not measured, expected by" in row for row in rows(district))


def test_the_unanswered_stand_on_top_and_are_loud(district: District):
    district.measure({"systolic": "165"})
    start = district.now
    for minutes in (241, 482):
        poll_at(district, start + minutes * MINUTE)
    district.measure({"spo2": "80"})
    first, second = rows(district)
    assert "UNANSWERED" in first
    assert "above 160" in first
    assert "below 88" in second
    assert 'class="unanswered"' in district.browser("anna").get("/worklist").text


def test_unclaimed_stand_before_claimed_within_a_priority(district: District):
    district.measure({"systolic": "190"})
    district.measure({"spo2": "80"})
    browser = district.browser("anna")
    browser.post(f"/alerts/{district.alert('systolic-high-outer')}/acknowledge")
    first, second = rows(district)
    assert "below 88" in first
    assert "taken on by Anna Neri" in second


def test_filters_stand_in_the_address_and_never_hide_an_unanswered_alert(district: District):
    district.measure({"systolic": "190"})
    browser = district.browser("anna")
    browser.post(f"/alerts/{district.alert('systolic-high-outer')}/acknowledge")
    district.measure({"spo2": "80"})
    assert len(rows(district, "/worklist?owner=mine")) == 1
    assert len(rows(district, "/worklist?owner=mine", name="bruno")) == 0
    assert len(rows(district, "/worklist?owner=unclaimed")) == 1
    assert len(rows(district, "/worklist?priority=low")) == 0
    assert "hidden by the filters: 3" in browser.get("/worklist?priority=low").text
    for minutes in (241, 482):
        poll_at(district, district.now + minutes * MINUTE)
    assert len(rows(district, "/worklist?priority=low")) > 0


def test_what_was_closed_today_is_listed_with_its_outcome(district: District):
    district.measure({"systolic": "165"})
    number = district.alert("systolic-high-inner")
    browser = district.browser("anna")
    form = {"outcome": "advice-given", "review": "2026-10-01"}
    assert browser.post(f"/alerts/{number}/close", form).status_code == 303
    assert rows(district) == []
    (row,) = rows(district, "/worklist?tab=closed")
    assert "closed by Anna Neri Advice given" in row


def test_a_cleared_alert_stays_and_says_so(district: District):
    district.measure({"systolic": "165"}, ago=20 * MINUTE)
    district.measure({"systolic": "130"}, ago=10 * MINUTE)
    (row,) = rows(district)
    assert "cleared" in row


def test_a_technical_matter_has_its_own_tab_and_count(district: District):
    district.measure({"systolic": "150"}, device="AA:BB:CC:DD:EE:F9")
    assert rows(district) == []
    (row,) = rows(district, "/worklist?tab=technical")
    assert "A measurement waits: somebody must say whose it is" in row
    page = district.browser("anna").get("/worklist").text
    assert re.search(r'tab=technical">Technical <span class="tab-count">1<', page)


def test_an_empty_list_says_when_it_was_checked(district: District):
    page = district.browser("anna").get("/worklist").text
    assert "No open alert" in page
    assert re.search(r"Last checked at <time [^>]*>16:13</time>", page)


def test_a_measurement_that_may_be_somebody_elses_is_marked(district: District):
    bianchi = district.person("P2", "Bianchi", "Giuseppe")
    district.world.plan(bianchi, WATCHED, 0)
    district.world.device("AA:BB:CC:DD:EE:01", bianchi, from_at=district.now - 3 * MINUTE)
    district.measure({"systolic": "195"}, ago=2 * MINUTE)
    assert any("not confirmed to be this patient's" in row for row in rows(district))


def test_old_values_say_that_they_came_late(district: District):
    district.measure({"systolic": "195"}, ago=3 * HOUR)
    assert any("began with late data" in row for row in rows(district))


def test_a_calm_list_says_when_nobody_is_watching(district: District):
    browser = district.browser("anna")
    for path in ("/worklist", "/worklist/rows", f"/patients/{district.maria}"):
        assert "data-not-watching" not in browser.get(path).text
    district.beat(district.now - MINUTE)
    district.broker_ready = False
    for path in ("/worklist", "/worklist/rows", f"/patients/{district.maria}"):
        page = browser.get(path).text
        assert "Measurements are not being judged" in page
        assert "Deadlines are not being minded" in page
        assert "nothing arrives from the gateways" in page


def test_a_deadline_that_nobody_minds_is_overdue(district: District):
    district.measure({"systolic": "190"})
    district.now += 20 * MINUTE
    assert "OVERDUE since 16:28" in rows(district)[0]


@pytest.mark.parametrize("who", ["anna", "dora", "sara", "tito", "carmen"])
@pytest.mark.parametrize("is_empty", [True, False])
def test_the_worklist_opens_for_everyone_whose_it_is(district: District, who: str, is_empty: bool):
    if not is_empty:
        district.measure({"systolic": "190"})
        district.measure({"systolic": "190"}, device="AA:BB:CC:DD:EE:F9")
    browser = district.browser(who)
    tabs = [f"/worklist?tab={tab}" for tab in ("clinical", "technical", "closed")]
    for path in ("/worklist", "/worklist/rows", "/worklist/sheet", *tabs):
        assert (path, browser.get(path).status_code) == (path, 200)


def test_who_sees_no_patients_has_no_tab_of_them(district: District):
    page = district.browser("tito").get("/worklist").text
    assert "tab=clinical" not in page
    assert "see Patients" not in page
    assert "tab=clinical" in district.browser("anna").get("/worklist").text


def test_the_sheet_says_one_value_once_and_keeps_the_notes_of_both_alerts(district: District):
    district.measure({"systolic": "190"})
    outer, inner = district.alert("systolic-high-outer"), district.alert("systolic-high-inner")
    anna = district.browser("anna")
    for number, text in ((outer, "rang twice"), (inner, "daughter at work")):
        anna.post(f"/alerts/{number}/note", {"text": text})
    page = anna.get("/worklist/sheet").text
    assert page.count("Systolic pressure 190 mmHg") == 1
    assert "data-within" in page
    assert "rang twice" in page
    assert "daughter at work" in page
