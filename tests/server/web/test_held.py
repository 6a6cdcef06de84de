"""Held measurements: a person says whose they are, and then they are judged."""

import re

import pytest

from tests.server.web.district import HOUR, MINUTE, District


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
    assert "Rossi Maria, born 2 March 1941 · reference P1" in text
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
    for module in ("server.stores.waiting", "server.web.held"):
        monkeypatch.setattr(f"{module}.WAITING_MAX", 3)
    page = district.browser("anna").get("/held").text
    assert "There are more than 3" in page
    assert page.count("data-held=") == 3


def test_whose_home_it_came_through_is_said_and_a_contradiction_loud(district: District):
    district.measure({"systolic": "120"}, ago=HOUR)
    piero = district.person("P2", "Bianchi", "Piero")
    district.world.device("AA:BB:CC:DD:EE:02", piero)
    shared = district.person("P3", "Verdi", "Ugo")
    district.world.device("AA:BB:CC:DD:EE:02", shared, district.now - 6 * MINUTE)  # just now: held
    district.measure({"systolic": "190"}, device="AA:BB:CC:DD:EE:02")
    page = district.browser("anna").get("/held").text
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert "Who measures through that gateway: Rossi Maria (P1)" in text
    assert "data-elsewhere" in page, "the likely patient is at home elsewhere"
    epoch, seq = district.world.rows("select epoch_id, seq from measurements where fate='held'")[0]
    for reference, warned in (("P1", False), ("P2", True)):
        page = district.browser("anna").post(f"/held/{epoch}/{seq}/choose", {"q": reference}).text
        assert ("data-not-there" in page) == warned


def test_a_gateway_of_which_nothing_came_says_so(district: District):
    held(district)
    page = district.browser("anna").get("/held").text
    assert "Nobody&#39;s measurements" in page or "Nobody's measurements" in page


def test_the_menu_and_the_worklist_say_what_waits(district: District):
    browser = district.browser("anna")
    assert "data-waiting" not in browser.get("/worklist").text
    held(district)
    page = browser.get("/worklist?tab=technical").text
    assert "data-waiting>1<" in page
    assert "<strong>190 mmHg</strong>" in page
    for name in ("tito", "sara"):
        page = district.browser(name).get("/worklist?tab=technical").text
        assert "190 mmHg" not in page, f"{name} sees no values"
        assert "data-waiting" not in page


def test_an_unknown_device_is_added_and_given_with_what_it_sent(district: District):
    key = held(district)
    browser = district.browser("anna")
    assert "New device: say whose it is" in browser.get("/held").text
    answer = browser.post(f"/held/{key}/add-device")
    number = re.fullmatch(r"/assignments/(\d+)\?done=device-added", answer.headers["location"])
    assert number is not None
    page = browser.get(answer.headers["location"]).text
    assert "1 measurement of it is held, taken at 21 Sept 16:08" in page
    assert 'value="2026-09-21T16:08"' in page
    assert browser.post(f"/held/{key}/add-device").status_code == 404, "it is known by now"
    page = browser.get("/held").text
    assert "New device" not in page
    assert f'href="/assignments/{number[1]}"' in page
    form = {"what": "give", "instead": "", "patient": "P1", "from": "2026-09-21T16:08",
            "until": "", "user": "", "decided": ""}  # fmt: skip
    look = browser.post(f"/assignments/{number[1]}/look", form)
    mark = re.search(r'name="mark" value="([0-9a-f]+)"', look.text)
    assert mark is not None
    said = {**form, "mark": mark[1], "reason": "given at the visit"}
    assert browser.post(f"/assignments/{number[1]}/change", said).status_code == 303
    district.judge()
    assert "Nothing is held." in browser.get("/held").text
    assert district.alert("systolic-high-outer")


def test_a_device_of_another_chc_cannot_be_added(district: District):
    district.elsewhere()
    district.measure({"systolic": "190"}, device="AA:BB:CC:DD:EE:F1")
    epoch, seq = district.world.rows(
        "select epoch_id, seq from measurements where fate='held' and device like '%F1'"
    )[0]
    browser = district.browser("anna")
    page = browser.get("/held").text
    assert "New device" not in page
    assert "Whose the device is" not in page
    assert browser.post(f"/held/{epoch}/{seq}/add-device").status_code == 404
