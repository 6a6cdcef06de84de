"""Devices and whose they are: given, ended and corrected, with a look before (hazard H14)."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from server.services import correcting
from tests.server.web.district import DAY, HOSTILE, HOUR, MINUTE, Browser, District

CUFF = "AA:BB:CC:DD:EE:01"


@pytest.fixture
def handed(district: District) -> District:
    """Maria's cuff, which went to Piero ten days ago as they say; she measured 190 eleven ago."""
    piero = district.person("P2", "Bianchi", "Piero")
    district.world.device(CUFF, piero, district.now - 10 * DAY)
    district.measure({"systolic": "190"}, ago=11 * DAY)
    district.measure({"systolic": "120"}, ago=HOUR)
    return district


def local(district: District, ago: int) -> str:
    """Return an instant as the form's field takes it: Rome's time, two hours ahead."""
    return datetime.fromtimestamp((district.now - ago + 2 * HOUR) / 1000, UTC).isoformat()[:16]


def correct(district: District, **more: str) -> dict[str, str]:
    """The form that dates Piero's assignment two days back."""
    return {"what": "correct", "instead": "2", "patient": "P2", "from": local(district, 12 * DAY),
            **more}  # fmt: skip


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def mark_of(page: Any) -> str:
    found = re.search(r'name="mark" value="([0-9a-f]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def test_the_list_says_who_has_which_device(handed: District):
    page = plain(handed.browser("anna").get("/assignments").text)
    assert "AA:BB:CC:DD:EE:01 Bianchi Piero (P2), since 11 Sept 16:13 1" in page


@pytest.mark.parametrize(
    ("asked", "found"),
    [("bianchi", True), ("maria ross", True), ("ee:01", True), ("blood", True), ("nobody", False)],
)
def test_a_device_is_found_by_who_had_it_its_model_or_its_address(
    handed: District, asked: str, found: bool
):
    page = handed.browser("anna").post("/assignments", {"q": asked}).text
    assert ('data-device="1"' in page) is found


def test_a_correction_is_looked_at_first_and_moves_nothing(handed: District):
    browser = handed.browser("anna")
    before = handed.world.rows("select fate, patient_id from measurements")
    page = browser.post("/assignments/1/look", correct(handed))
    assert page.status_code == 200
    text = plain(page.text)
    assert "1 measurement moves." in text
    assert "Rossi Maria Bianchi Piero 1 10 Sept 16:13 – 10 Sept 16:13" in text
    assert "Systolic pressure: 190 mmHg (1)" in text
    assert page.text.count("data-alert=") == 2, "both levels' alerts rest on it"
    assert handed.world.rows("select fate, patient_id from measurements") == before
    looks = handed.world.rows("select patient_id from audit where what = 'assignment-seen'")
    assert {row[0] for row in looks} == {1, 2}


def test_confirmed_it_is_done_with_the_reason_on_record(handed: District):
    browser = handed.browser("anna")
    form = correct(handed)
    form["mark"] = mark_of(browser.post("/assignments/1/look", form))
    answer = browser.post("/assignments/1/change", {**form, "reason": "Piero's card says so"})
    assert answer.headers["location"] == "/assignments/1?done=assignment-changed"
    handed.judge()
    rows = handed.world.rows("select patient_id from measurements order by seq")
    assert [row[0] for row in rows] == [2, 2]
    page = plain(browser.get("/assignments/1").text)
    assert "Anna Neri : Piero&#39;s card says so. Taken from a patient: 1; given to one: 1" in page
    number = handed.world.rows(
        "select id from alerts where patient_id = 1 and rule = 'systolic-high-outer'"
    )[0][0]
    alert = browser.get(f"/alerts/{number}").text
    assert "entered in error" in alert
    assert "Close the alert" in alert, "a person closes it"


def test_without_a_reason_nothing_is_changed_and_the_form_is_kept(handed: District):
    browser = handed.browser("anna")
    form = correct(handed)
    form["mark"] = mark_of(browser.post("/assignments/1/look", form))
    for reason in ("", " ", "x" * 251):
        answer = browser.post("/assignments/1/change", {**form, "reason": reason})
        assert answer.status_code == 422
        assert "Say why, in 250 characters at most" in answer.text
        assert f'name="from" value="{form["from"]}"' in answer.text
    assert handed.world.rows("select count(*) from corrections") == [(0,)]


def test_what_is_no_longer_as_shown_is_shown_anew_and_not_done(handed: District):
    """A measurement came between the look and the yes."""
    browser = handed.browser("anna")
    form = correct(handed)
    form["mark"] = mark_of(browser.post("/assignments/1/look", form))
    handed.measure({"systolic": "150"}, ago=11 * DAY - HOUR)
    answer = browser.post("/assignments/1/change", {**form, "reason": "so"})
    assert answer.status_code == 409
    assert "Nothing of yours was changed: look again." in answer.text
    assert "2 measurements move." in answer.text
    assert handed.world.rows("select count(*) from corrections") == [(0,)]
    again = {**form, "mark": mark_of(answer), "reason": "so"}
    assert browser.post("/assignments/1/change", again).status_code == 303


def test_of_two_who_correct_at_once_the_second_sees_both(handed: District):
    anna, dora = handed.browser("anna"), handed.browser("dora")
    first, second = correct(handed), correct(handed, **{"from": local(handed, 15 * DAY)})
    first["mark"] = mark_of(anna.post("/assignments/1/look", first))
    second["mark"] = mark_of(dora.post("/assignments/1/look", second))
    assert anna.post("/assignments/1/change", {**first, "reason": "The card"}).status_code == 303
    answer = dora.post("/assignments/1/change", {**second, "reason": "The son"})
    assert answer.status_code == 409
    text = plain(answer.text)
    assert "Last changed by Anna Neri at 16:13: The card" in text
    assert "Bianchi Piero (P2), since 9 Sept 16:13 changes" in text
    assert "Bianchi Piero (P2), since 6 Sept 16:13 new" in text
    assert 'value="The son"' in answer.text, "what she wrote is kept"


def test_a_device_is_handed_over_in_one_step_and_ended(handed: District):
    browser = handed.browser("anna")
    form = {"what": "give", "instead": "", "patient": "Ross", "from": local(handed, 0)}
    page = browser.post("/assignments/1/look", form)
    assert "No measurement moves." in page.text
    form = {**form, "mark": mark_of(page), "reason": "Piero has a new one"}
    assert browser.post("/assignments/1/change", form).status_code == 303
    rows = handed.world.rows(
        "select patient_id, until_at is null from device_assignments order by from_at"
    )
    assert [(row[0], bool(row[1])) for row in rows] == [(1, False), (2, False), (1, True)]
    handed.now += 10 * MINUTE
    form = {"what": "end", "instead": "3", "until": local(handed, 0)}
    form["mark"] = mark_of(browser.post("/assignments/1/look", form))
    browser.post("/assignments/1/change", {**form, "reason": "Broken"})
    assert "nobody" in plain(browser.get("/assignments").text)


def test_one_that_never_was_leaves_its_measurements_held(handed: District):
    browser = handed.browser("anna")
    form = {"what": "never", "instead": "2"}
    page = browser.post("/assignments/1/look", form)
    assert "The device was nobody" in page.text
    form |= {"mark": mark_of(page), "reason": "Written on the wrong line"}
    assert browser.post("/assignments/1/change", form).status_code == 303
    assert handed.world.rows("select fate from measurements where seq = 2") == [("held",)]


def test_more_than_one_patient_is_chosen_among(handed: District):
    handed.person("P3", "Rossini", "Gina")
    browser = handed.browser("anna")
    page = browser.post("/assignments/1/look", correct(handed, patient="ross"))
    assert 'name="patient" value="P1"' in page.text
    assert 'name="patient" value="P3"' in page.text
    assert f'name="from" value="{local(handed, 12 * DAY)}"' in page.text


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("patient", "nobody like that", "No patient is found."),
        ("patient", "F1", "No patient is found."),
        ("from", "", "Write a day and a time."),
        ("from", "9999-99-99T00:00", "Write a day and a time."),
        ("from", "0001-01-01T00:00", "Write a day and a time."),
        ("from", "2030-01-01T00:00", "Nothing would change, or it lies in the future."),
        ("until", "2026-01-01T00:00", "It must end after it begins."),
        ("user", "-1", "A number from 0 to 255, or nothing."),
        ("user", "256", "A number from 0 to 255, or nothing."),
    ],
)
def test_a_mistake_is_said_at_its_field_and_the_form_is_kept(
    handed: District, field: str, text: str, said: str
):
    handed.elsewhere()
    answer = handed.browser("anna").post("/assignments/1/look", correct(handed, **{field: text}))
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{text}"' in answer.text


def test_nobody_of_another_chc_and_nothing_unknown_is_reached(handed: District):
    browser = handed.browser("anna")
    other = handed.elsewhere()["device_id"]
    for path in (f"/assignments/{other}", "/assignments/999"):
        assert browser.get(path).status_code == 404
    for step in ("look", "change"):
        assert browser.post(f"/assignments/{other}/{step}", correct(handed)).status_code == 404
        for what in ("", "delete", "correct"):
            gone = {"what": what, "instead": "77"}
            assert browser.post(f"/assignments/1/{step}", gone).status_code == 404


@pytest.mark.parametrize("name", ["sara", "tito", "carmen", "ada"])
def test_who_cares_for_no_patient_changes_nothing(handed: District, name: str):
    browser = handed.browser(name)
    assert browser.get("/assignments").status_code == 403
    assert browser.post("/assignments/1/look", correct(handed)).status_code == 403
    assert "/assignments" not in browser.get("/fleet").text


def test_hostile_names_do_nothing(handed: District):
    handed.person("P9", HOSTILE, HOSTILE)
    browser = handed.browser("anna")
    with handed.store.write() as tx:
        tx.connection.exec_driver_sql("update devices set label = ? where id = 1", (HOSTILE,))
    form = correct(handed, patient="P9")
    page = browser.post("/assignments/1/look", form)
    form |= {"mark": mark_of(page), "reason": HOSTILE}
    assert browser.post("/assignments/1/change", form).status_code == 303
    for text in (page.text, browser.get("/assignments").text, browser.get("/assignments/1").text):
        assert "<script>alert" not in text
        assert "{{7*7}}" in text
        assert "49" not in re.sub(r"[0-9a-f]{8,32}", "", text).split("</header>")[0]


def test_while_a_change_is_carried_out_no_other_is_taken(
    handed: District, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(correcting, "PAGE", 1)
    browser = handed.browser("anna")
    for minutes in range(3):
        handed.measure({"systolic": "150"}, ago=11 * DAY - HOUR - minutes * 60_000)
    form = correct(handed)
    form |= {"mark": mark_of(browser.post("/assignments/1/look", form)), "reason": "so"}
    browser.post("/assignments/1/change", form)
    page = browser.get("/assignments/1").text
    assert "A change is being carried out since" in page
    assert "data-form=" not in page
    look = browser.post("/assignments/1/look", correct(handed, **{"from": local(handed, 0)}))
    assert "Yes, change it" not in look.text
    while correcting.carry_on(handed.store, handed.now):
        pass
    assert "data-form=" in browser.get("/assignments/1").text


def test_the_page_finds_nobody_signed_out(district: District):
    assert Browser(district).get("/assignments").status_code == 303


def test_whose_plan_goes_on_expecting_is_said_before_the_last_device_is_taken(handed: District):
    """Taken away and still expected: a daily "not measured" whose cause nobody would see."""
    handed.world.device("AA:BB:CC:DD:EE:02", handed.maria)
    browser = handed.browser("anna")
    device = handed.world.rows("select id from devices where address like '%:02'")[0][0]
    tenure = handed.world.rows(f"select id from device_assignments where device_id = {device}")
    end = {"what": "end", "instead": str(tenure[0][0]), "until": local(handed, HOUR)}
    page = browser.post(f"/assignments/{device}/look", end)
    assert f'data-left-without="{handed.maria}"' in page.text
    assert "no device is left for it: Systolic pressure" in plain(page.text)
    form = {**end, "mark": mark_of(page), "reason": "broken"}
    assert browser.post(f"/assignments/{device}/change", form).status_code == 303
    page = plain(browser.get(f"/patients/{handed.maria}").text)
    assert "this patient has no device for it: Systolic pressure" in page
    assert "no longer this patient's" in page.replace("&#39;", "'")


def test_who_keeps_another_device_of_the_kind_is_not_left_without(handed: District):
    for address in ("AA:BB:CC:DD:EE:02", "AA:BB:CC:DD:EE:03"):
        handed.world.device(address, handed.maria)
    device = handed.world.rows("select id from devices where address like '%:02'")[0][0]
    tenure = handed.world.rows(f"select id from device_assignments where device_id = {device}")
    end = {"what": "end", "instead": str(tenure[0][0]), "until": local(handed, HOUR)}
    browser = handed.browser("anna")
    assert "data-left-without" not in browser.post(f"/assignments/{device}/look", end).text
    assert "data-lacking" not in browser.get(f"/patients/{handed.maria}").text


def test_the_patients_page_names_her_devices_and_when_she_used_them(handed: District):
    page = plain(handed.browser("anna").get(f"/patients/{handed.maria}").text)
    assert re.search(
        r"Devices .*until 11 Sept 16:13 no longer .*last measured with it 10 Sept", page
    )
    piero = handed.world.rows("select id from patients where reference = 'P2'")[0][0]
    page = plain(handed.browser("anna").get(f"/patients/{piero}").text)
    assert re.search(r"since 11 Sept 16:13 · last measured with it 21 Sept 15:13", page)
