"""The case load: who needs somebody first, and which plans wait for a doctor."""

import re

import numpy as np

from contract.codes import Code
from server.ports.charts import MARK_HELD, POINT
from server.services import alert_work, away, planning
from server.services.matters import tell_not_judged
from server.services.shipped import protocols
from server.web.patients import LINES_MAX
from server.web.sparkline import sparkline
from tests.server.web.district import DAY, HOSTILE, HOUR, MINUTE, T0, WATCHED, District


def order(page: str) -> list[str]:
    return re.findall(r"<strong>(\w+)</strong> \w+</a> <span class=\"quiet\">", page)


def enrolled(district: District, number: int, family: str, watched: bool = True) -> int:
    patient = district.person(f"P{number}", family, "Ada")
    district.world.device(f"AA:BB:CC:DD:EE:{number:02}", patient)
    if watched:
        district.world.plan(patient, WATCHED, 0)
    return patient


def test_who_needs_somebody_comes_first(district: District):
    for number, family in ((2, "Alba"), (3, "Bassi"), (4, "Corsi"), (5, "Dotti")):
        enrolled(district, number, family, watched=family != "Dotti")
    for number, value, ago in ((2, "120", HOUR), (3, "170", HOUR), (4, "120", 3 * DAY)):
        device = f"AA:BB:CC:DD:EE:{number:02}"
        district.measure({"systolic": value}, device=device, ago=ago)
    district.measure({"systolic": "190"}, ago=HOUR)
    page = district.browser("anna").get("/patients").text
    assert order(page) == ["Rossi", "Bassi", "Corsi", "Alba", "Dotti"]
    assert page.count("nothing for more than a day") == 1
    assert "1 high" in page


def test_who_is_away_is_not_missed(district: District):
    patient = enrolled(district, 4, "Corsi")
    district.measure({"systolic": "120"}, device="AA:BB:CC:DD:EE:04", ago=3 * DAY)
    with district.store.write() as tx:
        person = tx.directory.patient(patient)
        assert person is not None
        user, now = district.world.user("anna"), district.now
        away.declare(tx, user, person, now + DAY, "at the sea", now)
    page = district.browser("anna").get("/patients").text
    assert "away until" in page
    assert page.count("nothing for more than a day") == 1  # Rossi, who never measured


def test_a_proposal_waits_on_top_until_a_doctor_confirms_it(district: District):
    plan = protocols()["heart-failure"].plan()
    with district.store.write() as tx:
        person = tx.directory.patient(district.maria)
        assert person is not None
        version = planning.propose(tx, district.world.user("anna"), person, plan, district.now)
    browser = district.browser("dora")
    where = f"/patients/{district.maria}/plan/{version}"
    decided_at = f"/patients/{district.maria}"  # with the preview, on the patient's page
    assert f'data-waiting><li><a href="{decided_at}">' in browser.get("/patients").text
    nurse = district.browser("anna").get("/patients").text
    assert f'data-waiting><li><a href="{where}">' in nurse
    assert (
        browser.post(f"{where}/confirm", {"until": "2026-09-25", "shown": "1"}).status_code == 303
    )
    page = browser.get("/patients").text
    assert "data-waiting" not in page
    assert "the plan ends" in page


def test_a_stored_plan_that_a_newer_check_would_refuse_hides_nobody(district: District):
    body = '{"thresholds": [{"code": "spo2", "source": "test"}]}'
    with district.store.write() as tx:
        tx.connection.exec_driver_sql(f"UPDATE plans SET body = '{body}' WHERE version = 1")
    assert district.browser("anna").get("/patients").status_code == 200


def test_a_line_says_the_course_of_each_vital_in_words_beside_its_strokes(district: District):
    for days in range(28, 0, -1):
        systolic = 150 if days <= 7 else 130 + days % 3
        district.measure({"systolic": str(systolic), "pulse": "70"}, ago=days * DAY)
    district.measure({"systolic": "HI"}, ago=HOUR)
    page = " ".join(district.browser("anna").get("/patients").text.split())
    line = page[page.index("data-patient=") :]
    assert 'Systolic pressure <strong>HI</strong> <span class="quiet">above the usual' in line
    assert 'Pulse <strong>70 bpm</strong> <span class="quiet">as usual' in line
    assert line.count("<polyline") == 2


def test_a_gap_of_days_is_a_gap_in_the_strokes():
    points = np.zeros(5, POINT)
    points["at"] = [T0 - days * DAY for days in (20, 19, 10, 2, 1)]
    points["value"] = 1200
    drawn = sparkline(Code.SYSTOLIC, points, T0)
    assert drawn is not None
    assert [len(stroke.split()) for stroke in drawn.strokes] == [2, 2, 2]  # one day is a dot
    assert len(set(drawn.strokes[1].split())) == 1
    assert drawn.trend == "few"
    points["marks"] = MARK_HELD
    assert sparkline(Code.SYSTOLIC, points, T0) is None


def test_long_lists_are_pages_and_who_needs_most_is_on_the_first(district: District):
    for number in range(2, 2 + LINES_MAX):
        district.person(f"P{number}", f"Verdi{number:03}", "Ada")
    district.measure({"systolic": "190"}, ago=HOUR)
    browser = district.browser("anna")
    first, second = browser.get("/patients").text, browser.get("/patients?page=2").text
    assert order(first)[0] == "Rossi"
    assert len(order(first)) == LINES_MAX
    assert len(order(second)) == 1
    assert "Page 1 of 2" in first
    assert browser.get("/patients?page=99").text.count("data-patient=") == 1
    assert browser.get("/patients?page=-1").status_code == 200


def test_mine_are_whose_plan_i_decided_and_whose_alert_i_have(district: District):
    enrolled(district, 2, "Alba")
    district.measure({"systolic": "170"}, device="AA:BB:CC:DD:EE:02", ago=HOUR)
    anna = district.browser("anna")
    assert order(anna.get("/patients?mine=1").text) == []
    with district.store.write() as tx:
        alert = district.alert("systolic-high-inner")
        alert_work.acknowledge(tx, district.world.user("anna"), alert, district.now)
    assert order(anna.get("/patients?mine=1").text) == ["Alba"]
    assert set(order(district.browser("dora").get("/patients?mine=1").text)) == {"Alba", "Rossi"}


def test_what_others_did_since_the_doctors_last_look_stands_on_top(district: District):
    """The doctor's two minutes: the nurse's question first; looking at the patient clears it."""
    dora, now = district.world.user("dora"), district.now
    quiet = enrolled(district, 2, "Alba")
    district.measure({"systolic": "170"}, ago=HOUR)
    alert = district.alert("systolic-high-inner")
    district.measure({"systolic": "170"}, device="AA:BB:CC:DD:EE:02", ago=HOUR)
    with district.store.write() as tx:
        alert_work.note(tx, dora, alert, "my own note asks nothing", now)
        alert_work.note(tx, district.world.user("anna"), alert, f"More diuretic? {HOSTILE}", now)
    browser = district.browser("dora")
    page = browser.get("/patients").text
    changed = page[
        page.index("data-changed") : page.index("</section>", page.index("data-changed"))
    ]
    first, second = re.findall(r'data-patient-changed="(\d+)"', changed)
    assert (int(first), int(second)) == (district.maria, quiet)
    assert "Anna Neri" in changed
    assert "More diuretic? &lt;script&gt;" in changed
    assert "my own note" not in changed
    assert "1 alert raised" in changed
    assert "you never looked" in changed
    district.now += MINUTE
    for patient in (district.maria, quiet):
        browser.get(f"/patients/{patient}")
    assert "Nothing has changed." in browser.get("/patients").text


def test_each_patient_is_measured_missed_away_or_not_watched(district: District):
    for number, family in ((2, "Alba"), (3, "Bassi"), (5, "Dotti")):
        enrolled(district, number, family, watched=family != "Dotti")
    district.measure({"systolic": "120"}, device="AA:BB:CC:DD:EE:02", ago=HOUR)
    district.measure({"systolic": "120"}, device="AA:BB:CC:DD:EE:03", ago=DAY + MINUTE)
    browser = district.browser("anna")
    page = browser.get("/patients").text
    states = re.findall(r'data-state="([a-z-]+)".*?<strong>(\d+)</strong>', page)
    assert dict(states) == {"measured": "1", "missing": "2", "away": "0", "not-watched": "1"}
    assert order(browser.get("/patients?state=measured").text) == ["Alba"]
    assert order(browser.get("/patients?state=not-watched").text) == ["Dotti"]
    assert order(browser.get("/patients?state=nonsense").text) == order(page)


def test_nobody_is_called_judged_while_nothing_is_judged(district: District):
    """Hazard H15: behind a dead engine the list says so, and nobody on it is fine."""
    district.measure({"systolic": "120"}, ago=HOUR)
    browser = district.browser("anna")
    assert "mark-calm" in browser.get("/patients").text
    district.now += 10 * MINUTE
    district.beat(district.now - 9 * MINUTE)
    page = browser.get("/patients").text
    assert "data-not-watching" in page
    assert "mark-calm" not in page


def test_what_came_does_not_stand_for_what_did_not(district: District):
    """Hazard H8: of two vitals one came, the other was due and did not."""
    district.measure({"systolic": "120"}, ago=HOUR)
    browser = district.browser("anna")
    assert "mark-calm" in browser.get("/patients").text
    with district.store.write() as tx:
        due = district.now - HOUR
        window = (due - DAY, due, "not-measured", None)
        tx.alerts.add_absence(district.maria, district.world.chc, 5, *window)
    page = browser.get("/patients").text
    assert "mark-calm" not in page
    assert page.count("something is missing or not judged") == 2  # the count above, and her line


def test_who_has_a_value_that_could_not_be_judged_is_not_fine(district: District):
    """Hazard H7."""
    district.measure({"systolic": "120"}, ago=HOUR)
    with district.store.write() as tx:
        tell_not_judged(tx, district.maria, "systolic", district.now)
    assert "mark-calm" not in district.browser("anna").get("/patients").text


def test_nobody_is_fine_by_a_value_that_is_held_unsure_or_not_watched(district: District):
    """Hazards H1, H2 and H8: the line says that not all of it is judged."""
    browser = district.browser("anna")
    district.measure({"temperature": "36.6"}, ago=HOUR)
    assert "mark-calm" not in browser.get("/patients").text
    district.measure({"systolic": "120"}, ago=HOUR)
    assert "mark-calm" in browser.get("/patients").text
    district.measure({"systolic": "178"}, ago=5 * MINUTE, clock="unsynchronised")
    page = browser.get("/patients").text
    assert "mark-calm" not in page
    assert "not all of it is judged" in page
