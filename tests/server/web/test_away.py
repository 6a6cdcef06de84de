"""Away until a day; and the patients under an outage's one alert."""

from server.domain.instants import DAY, HOUR
from server.services.polling import poll
from tests.server.web.district import HOSTILE, District

PATH = "/patients/{}/away"


def test_away_stands_on_the_page_until_the_patient_is_back(district: District):
    browser, path = district.browser("anna"), f"/patients/{district.maria}"
    answer = browser.post(f"{path}/away", {"until": "2026-09-23", "reason": HOSTILE})
    assert answer.status_code == 303
    page = browser.get(path).text
    assert "Away until 24 Sept" in page, page[page.index("Away until") :][:80]
    assert "Said by Anna Neri: &lt;script&gt;" in page
    assert browser.post(f"{path}/back").status_code == 303
    assert "data-away" not in browser.get(path).text


def test_a_wrong_form_is_kept_and_says_what_is_missing(district: District):
    browser, path = district.browser("anna"), PATH.format(district.maria)
    for until, reason in (("", "sea"), ("2026-09-20", "sea"), ("2027-09-20", "sea")):
        answer = browser.post(path, {"until": until, "reason": reason})
        assert answer.status_code == 422
        assert "Choose a day from today on, within 60 days." in answer.text
        assert 'value="sea"' in answer.text
    answer = browser.post(path, {"until": "2026-09-23", "reason": " "})
    assert "Say why: your colleagues will read it." in answer.text
    assert district.world.rows("SELECT count(*) FROM aways") == [(0,)]


def test_under_an_outage_stand_its_patients_who_has_a_high_alert_first(district: District):
    district.measure({"systolic": "190"}, ago=2 * HOUR)
    with district.store.write() as tx:
        for number in range(3, 6):
            tx.directory.add_gateway(f"gw-{number}", district.world.chc, 0, None)
        for number in (1, 3, 4):
            tx.measurements.seen_gateway(f"gw-{number}", district.now, 0, {})
        poll(tx, district.now + HOUR)
    bianchi = district.person("P2", "Bianchi", "Giuseppe")
    for patient in (district.maria, bianchi):
        with district.store.write() as tx:
            outage = tx.alerts.open_rule("homes-out-of-reach")[0]
            due = district.now + DAY
            tx.alerts.add_absence(
                patient, district.world.chc, 0, due - HOUR, due, "gateway-silent", outage.id
            )
    page = district.browser("anna").get(f"/alerts/{outage.id}").text
    assert "Several homes are out of reach at once" in page
    under = page[page.index("data-under") :]
    assert "2 patients of whom nothing came" in page
    assert under.index("Rossi") < under.index("has a high alert open") < under.index("Bianchi")
