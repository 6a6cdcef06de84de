"""The case load: who needs somebody first, and which plans wait for a doctor."""

import re

from server.services import away, planning
from server.services.shipped import protocols
from tests.server.web.district import DAY, HOUR, WATCHED, District


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
    assert f'data-waiting><li><a href="{where}">' in browser.get("/patients").text
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
