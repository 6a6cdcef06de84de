"""A plan's end: proposed with a draft, decided by the doctor who confirms it."""

import pytest

from tests.server.web.district import District
from tests.server.web.test_plan import HEART, confirmed, proposed


def test_a_doctor_confirms_it_from_now_until_a_day(district: District):
    where = proposed(district)
    answer = confirmed(district, where, until="2026-09-30")
    assert answer.headers["location"] == f"/patients/{district.maria}/plan?done=confirmed"
    district.judge()
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    assert "Protocol: Heart failure 1" in page
    assert "then what was in force before" in page
    district.measure({"systolic": "171"}, ago=0)
    assert district.alert("systolic-high-outer")


@pytest.mark.parametrize("until", ["2026-09-20", "soon", "9999-12-31"])
def test_an_end_that_is_none_is_said_at_its_field(district: District, until: str):
    where = proposed(district)
    answer = confirmed(district, where, until=until)
    assert answer.status_code == 422
    assert "Choose a day from today on, or none." in answer.text


def test_a_nurse_proposes_an_end_and_the_doctor_finds_it_filled_in(district: District):
    where = proposed(district, until="2026-09-30")
    seen = district.browser("anna").get(where).text
    assert "then what was in force before" in seen
    page = district.browser("dora").get(where).text
    assert 'name="until" value="2026-09-30"' in page
    begun = f"/patients/{district.maria}/plan?from=draft-{where.rpartition('/')[2]}"
    assert 'name="until" value="2026-09-30"' in district.browser("anna").get(begun).text
    confirmed(district, where, until="")  # the doctor decides
    ends = district.world.rows("SELECT in_force_until FROM plans ORDER BY version")
    assert ends[-1] == (None,)


@pytest.mark.parametrize("until", ["2026-09-20", "soon", "9999-12-31"])
def test_a_proposed_end_that_is_none_is_said_at_its_field(district: District, until: str):
    browser = district.browser("anna")
    path = f"/patients/{district.maria}/plan"
    answer = browser.post(path, {**HEART, "until": until})
    assert answer.status_code == 422
    assert 'aria-describedby="plan-until-wrong"' in answer.text
