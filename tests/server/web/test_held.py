"""Held measurements: a person says whose they are, and then they are judged."""

from tests.server.web.district import District


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


def test_given_to_a_patient_it_is_judged(district: District):
    key = held(district)
    browser = district.browser("anna")
    answer = browser.post(f"/held/{key}/release", {"reference": "P1"})
    assert answer.headers["location"] == "/held?done=released"
    district.judge()
    assert "Rossi" in browser.get("/worklist").text
    assert "Nothing is held." in browser.get("/held").text


def test_an_unknown_reference_is_said_at_the_field_and_kept(district: District):
    key = held(district)
    district.elsewhere()
    browser = district.browser("anna")
    for reference in ("nobody", "", "F1"):
        answer = browser.post(f"/held/{key}/release", {"reference": reference})
        assert answer.status_code == 422
        assert "Choose a patient from the list." in answer.text
        assert f'value="{reference}"' in answer.text
    assert district.world.rows("select count(*) from measurements where fate='held'")[0][0] >= 1


def test_nobodys_is_put_away_and_kept(district: District):
    key = held(district)
    browser = district.browser("anna")
    assert browser.post(f"/held/{key}/reject").headers["location"] == "/held?done=rejected"
    page = browser.get("/held").text
    assert "Nothing is held." in page
    assert "A person said: none of our patients" in page
    assert browser.post(f"/held/{key}/reject").status_code == 404


def test_what_cannot_be_true_is_quarantined_with_the_reason(district: District):
    district.measure({"systolic": "900"})
    page = district.browser("anna").get("/held").text
    assert "The value cannot be true of a person" in page
    assert "Rossi" in page
