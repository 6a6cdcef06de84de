"""Held measurements: a person says whose they are, and then they are judged."""

import re

import pytest

from tests.server.web.district import HOUR, District


def held(district: District, value: str = "190") -> str:
    district.measure({"systolic": value}, device="AA:BB:CC:DD:EE:F9")
    epoch, seq = district.world.rows("select epoch_id, seq from measurements where fate='held'")[0]
    return f"{epoch}/{seq}"


def test_a_held_measurement_says_its_value_reason_and_deadline(district: District):
    key = held(district)
    page = " ".join(district.browser("anna").get("/held").text.split())
    assert f'data-held="{key}"' in page
    assert "Systolic pressure 190 mmHg" in page
    assert "The device was nobody&#39;s when it measured" in page or (
        "The device was nobody's when it measured" in page
    )
    assert "answer before" in page


def test_giving_it_asks_first_and_names_patient_value_and_time(district: District):
    key = held(district)
    browser = district.browser("anna")
    page = browser.post(f"/held/{key}/choose", {"q": "maria ross"})
    assert page.status_code == 200
    text = " ".join(re.sub(r"<[^>]*>", " ", page.text).split())
    assert "Rossi Maria, born 1941 · reference P1" in text
    assert "Systolic pressure 190 mmHg" in text
    assert "measured 21 Sept 16:08" in text
    district.judge()
    assert "data-held=" in browser.get("/held").text, "nothing is given before the answer"


def test_given_to_a_patient_it_is_judged(district: District):
    key = held(district)
    browser = district.browser("anna")
    answer = browser.post(f"/held/{key}/release", {"reference": "P1"})
    assert answer.headers["location"] == "/held?done=released"
    district.judge()
    assert "Rossi" in browser.get("/worklist").text
    assert "Nothing is held." in browser.get("/held").text


def test_who_gave_it_stands_on_the_alert_that_rests_on_it(district: District):
    key = held(district)
    browser = district.browser("anna")
    browser.post(f"/held/{key}/release", {"reference": "P1"})
    district.judge()
    page = browser.get(f"/alerts/{district.alert('systolic-high-outer')}").text
    assert "attributed by Anna Neri at 21 Sept 16:13" in page
    district.measure({"systolic": "170"})
    page = browser.get(f"/alerts/{district.alert('systolic-high-inner')}").text
    assert page.count("attributed by") == 1, "only what a person gave"


def test_what_was_given_is_taken_back_and_held_again(district: District):
    key = held(district)
    browser = district.browser("anna")
    browser.post(f"/held/{key}/release", {"reference": "P1"})
    district.judge()
    assert "Take back" in browser.get("/held").text
    answer = browser.post(f"/held/{key}/take-back")
    assert answer.headers["location"] == "/held?done=taken-back"
    district.judge()
    page = browser.get("/held").text
    assert f'data-held="{key}"' in page
    assert "Take back" not in page
    alert = browser.get(f"/alerts/{district.alert('systolic-high-outer')}").text
    assert "entered in error" in alert
    assert browser.post(f"/held/{key}/take-back").status_code == 404
    audited = [row[0] for row in district.world.rows("select what from audit order by id")]
    assert "attribution-withdrawn" in audited


def test_an_unknown_reference_is_said_at_the_field_and_kept(district: District):
    key = held(district)
    district.elsewhere()
    browser = district.browser("anna")
    for asked in ("nobody", "", "F1", "Altrove"):
        answer = browser.post(f"/held/{key}/choose", {"q": asked})
        assert answer.status_code == 422
        assert ("No patient is found." in answer.text) == bool(asked)
        assert f'value="{asked}"' in answer.text
    assert browser.post(f"/held/{key}/release", {"reference": "F1"}).status_code == 404
    assert district.world.rows("select count(*) from measurements where fate='held'")[0][0] == 2


@pytest.mark.parametrize("asked", ["o", "niccolo", "NICCOLÒ d'an", "amico nic", "P2"])
def test_parts_of_names_find_in_any_order(district: District, asked: str):
    district.person("P2", "D'Amico", "Niccolò")
    district.person("P3", "D'Angelo", "Niccolò")
    key = held(district)
    browser = district.browser("anna")
    lists = {
        "o": {"P1", "P2", "P3"},
        "niccolo": {"P2", "P3"},
        "NICCOLÒ d'an": {"P3"},
        "amico nic": {"P2"},
        "P2": {"P2"},
    }
    page = browser.post(f"/held/{key}/choose", {"q": asked}).text
    assert {one for one in ("P1", "P2", "P3") if f'value="{one}"' in page} == lists[asked]
    page = browser.post("/patients", {"q": asked}).text
    assert {one for one in ("P1", "P2", "P3") if f" · {one}<" in page} == lists[asked]


def test_while_something_is_held_its_alert_is_not_closed(district: District):
    key = held(district)
    browser = district.browser("anna")
    number = district.alert("measurement-held")
    page = browser.get(f"/alerts/{number}").text
    assert "1 measurement still waits." in page
    assert "Close the alert" not in page
    form = {"outcome": "technical-fixed", "review": "2026-09-30"}
    assert browser.post(f"/alerts/{number}/close", form).status_code == 422
    browser.post(f"/held/{key}/reject")
    assert "Technical fault fixed" in browser.get(f"/alerts/{number}").text


def test_nobodys_is_put_away_and_kept(district: District):
    key = held(district)
    browser = district.browser("anna")
    assert browser.post(f"/held/{key}/reject").headers["location"] == "/held?done=rejected"
    page = browser.get("/held").text
    assert "Nothing is held." in page
    assert "none of our patients" in page
    assert browser.post(f"/held/{key}/reject").status_code == 404
    browser.post(f"/held/{key}/take-back")
    page = browser.get("/held").text
    assert f'data-held="{key}"' in page
    assert "The device was nobody" in page


def test_what_cannot_be_true_is_quarantined_with_the_reason(district: District):
    district.measure({"systolic": "900"})
    page = district.browser("anna").get("/held").text
    assert "The value cannot be true of a person" in page
    assert "Rossi" in page


def test_a_quarantined_one_is_seen_with_a_note_and_kept(district: District):
    district.measure({"systolic": "900"})
    ((epoch, seq),) = district.world.rows("select epoch_id, seq from measurements")
    browser = district.browser("anna")
    answer = browser.post(f"/held/{epoch}/{seq}/seen", {"note": " "})
    assert answer.status_code == 422
    assert "Write what you found." in answer.text
    assert browser.post(f"/held/{epoch}/{seq}/seen", {"note": "x" * 251}).status_code == 422
    answer = browser.post(f"/held/{epoch}/{seq}/seen", {"note": "cuff was on the dog"})
    assert answer.headers["location"] == "/held?done=seen"
    page = browser.get("/held").text
    assert "Nothing is quarantined." in page
    assert "cuff was on the dog" in page
    assert "Take back" not in page
    assert browser.post(f"/held/{epoch}/{seq}/seen", {"note": "again"}).status_code == 404
    assert district.world.rows("select fate from measurements") == [("quarantined",)]
    assert district.world.rows("select count(*) from audit where what='quarantined-seen'") == [(1,)]


def test_what_is_held_is_not_put_away_as_seen(district: District):
    key = held(district)
    answer = district.browser("anna").post(f"/held/{key}/seen", {"note": "nothing"})
    assert answer.status_code == 404


def test_what_came_is_shown_as_it_came_and_what_is_overdue_is_loud(district: District):
    held(district)
    district.measure({"systolic": "900"}, raw="1e8200ff")
    browser = district.browser("anna")
    page = browser.get("/held").text
    assert "Held: whose is it? (1)" in page
    assert "true (1)" in page
    assert "&#34;raw&#34;:&#34;1e8200ff&#34;" in page
    assert "OVERDUE" not in page
    district.now += 5 * HOUR
    assert "OVERDUE since" in district.browser("anna").get("/held").text


def test_more_than_a_page_holds_is_said(district: District, monkeypatch: pytest.MonkeyPatch):
    for number in range(4):
        district.measure({"systolic": "150"}, device=f"AA:BB:CC:DD:EE:F{number}")
    assert "There are more than" not in district.browser("anna").get("/held").text
    for module in ("server.stores.views", "server.web.held"):
        monkeypatch.setattr(f"{module}.WAITING_MAX", 3)
    page = district.browser("anna").get("/held").text
    assert "There are more than 3" in page
    assert page.count("data-held=") == 3
