"""Closing several alerts of a patient after one call, and never more than was seen."""

from tests.server.web.district import MINUTE, WATCHED, District

NEXT_WEEK = "2026-10-01"


def raised(district: District) -> tuple[int, int]:
    """Return the high and the medium alert that one pressure raised."""
    district.measure({"systolic": "190"})
    return district.alert("systolic-high-outer"), district.alert("systolic-high-inner")


def form(district: District, *also: int) -> dict[str, str]:
    """Return the form of the page as a browser would send it, with some of the others ticked."""
    shown = {
        f"also-{number}": str(at)
        for number, at in district.world.rows("select id, newest_at from alerts")
    }
    ticked = {f"also-{number}": shown[f"also-{number}"] for number in also}
    return {"outcome": "advice-given", "review": NEXT_WEEK, **ticked}


def closed(district: District) -> list[int]:
    rows = district.world.rows("select id from alerts where closed_at is not null order by id")
    return [row[0] for row in rows]


def test_one_call_closes_what_it_answered_and_no_more(district: District):
    high, medium = raised(district)
    anna = district.browser("anna")
    page = anna.get(f"/alerts/{high}").text
    assert f'name="also-{medium}"' in page
    assert "data-beside" in page
    assert anna.post(f"/alerts/{high}/close", form(district)).status_code == 303
    assert closed(district) == [high]
    district.measure({"systolic": "191"}, ago=-MINUTE)
    again = district.alert("systolic-high-outer")
    assert anna.post(f"/alerts/{again}/close", form(district, medium)).status_code == 303
    assert closed(district) == sorted([high, medium, again])


def test_a_red_never_goes_with_an_amber(district: District):
    high, medium = raised(district)
    anna = district.browser("anna")
    page = anna.get(f"/alerts/{medium}").text
    assert f'href="/alerts/{high}"' in page
    assert f'name="also-{high}"' not in page
    assert anna.post(f"/alerts/{medium}/close", form(district, high)).status_code == 409
    assert closed(district) == []


def test_what_a_colleague_has_or_what_grew_worse_since_stays_open(district: District):
    high, medium = raised(district)
    anna = district.browser("anna")
    shown = form(district, medium)
    district.measure({"systolic": "179"}, ago=-MINUTE)
    assert anna.post(f"/alerts/{high}/close", shown).status_code == 409
    assert closed(district) == []
    district.browser("bruno").post(f"/alerts/{medium}/acknowledge")
    assert f'name="also-{medium}"' not in anna.get(f"/alerts/{high}").text
    assert anna.post(f"/alerts/{high}/close", form(district, medium)).status_code == 409
    assert closed(district) == []


def test_another_patients_alert_is_never_closed_along(district: District):
    high, _ = raised(district)
    other = district.person("P2", "Alba", "Ada")
    district.world.device("AA:BB:CC:DD:EE:02", other)
    district.world.plan(other, WATCHED, 0)
    district.measure({"spo2": "80"}, device="AA:BB:CC:DD:EE:02")
    theirs = district.alert("spo2-low-outer")
    answer = district.browser("anna").post(f"/alerts/{high}/close", form(district, theirs))
    assert answer.status_code == 409
    assert closed(district) == []
