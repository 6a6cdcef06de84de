"""Closing several alerts of a patient after one call, and never more than was seen."""

import re

import pytest

from tests.server.web.district import MINUTE, WATCHED, District

NEXT_WEEK = "2026-10-01"


def raised(district: District) -> tuple[int, int]:
    """Return the high and the medium alert that one pressure raised."""
    district.measure({"systolic": "190"})
    return district.alert("systolic-high-outer"), district.alert("systolic-high-inner")


def form(district: District, *also: int, on: int | None = None) -> dict[str, str]:
    """Return the form of a page as a browser would send it, with some of the others ticked."""
    page = district.browser("anna").get(f"/alerts/{on}").text if on else ""
    stamps = dict(re.findall(r'name="(shown|also-\d+)" value="(\w+)"', page))
    ticked = {f"also-{number}": stamps.get(f"also-{number}", "0") for number in also}
    shown = {"shown": stamps["shown"]} if on else {}
    return {"outcome": "advice-given", "review": NEXT_WEEK, **shown, **ticked}


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
    assert anna.post(f"/alerts/{again}/close", form(district, medium, on=again)).status_code == 303
    assert closed(district) == sorted([high, medium, again])


def test_a_red_never_goes_with_an_amber(district: District):
    high, medium = raised(district)
    anna = district.browser("anna")
    page = anna.get(f"/alerts/{medium}").text
    assert f'href="/alerts/{high}"' in page
    assert f'name="also-{high}"' not in page
    assert anna.post(f"/alerts/{medium}/close", form(district, high, on=medium)).status_code == 409
    assert closed(district) == []


def test_what_a_colleague_has_or_what_grew_worse_since_stays_open(district: District):
    high, medium = raised(district)
    anna = district.browser("anna")
    shown = form(district, medium, on=high)
    district.measure({"systolic": "179"}, ago=-MINUTE)
    assert anna.post(f"/alerts/{high}/close", shown).status_code == 409
    assert closed(district) == []
    district.browser("bruno").post(f"/alerts/{medium}/acknowledge")
    assert f'name="also-{medium}"' not in anna.get(f"/alerts/{high}").text
    assert anna.post(f"/alerts/{high}/close", form(district, medium, on=high)).status_code == 409
    assert closed(district) == []


def test_another_patients_alert_is_never_closed_along(district: District):
    high, _ = raised(district)
    other = district.person("P2", "Alba", "Ada")
    district.world.device("AA:BB:CC:DD:EE:02", other)
    district.world.plan(other, WATCHED, 0)
    district.measure({"spo2": "80"}, device="AA:BB:CC:DD:EE:02")
    theirs = district.alert("spo2-low-outer")
    answer = district.browser("anna").post(f"/alerts/{high}/close", form(district, theirs, on=high))
    assert answer.status_code == 409
    assert closed(district) == []


@pytest.mark.parametrize("value", ["250", "179"])
def test_what_grew_worse_since_it_was_shown_is_not_closed_by_the_old_form(
    district: District, value: str
):
    high, medium = raised(district)
    shown = form(district, on=high)
    district.measure({"systolic": value}, ago=-MINUTE if value == "250" else 20 * MINUTE)
    closes = value == "179"  # of the medium alert alone: this one is as it was shown
    answer = district.browser("anna").post(f"/alerts/{high}/close", shown)
    assert answer.status_code == (303 if closes else 409)
    also = form(district, on=medium)
    district.browser("bruno").post(f"/alerts/{medium}/note", {"text": "Do NOT close: she is ill"})
    assert district.browser("anna").post(f"/alerts/{medium}/close", also).status_code == 409


def test_a_hostile_number_closes_nothing(district: District):
    high, _ = raised(district)
    for number in ("9" * 20, "9" * 5000, "x", "1_0", "²"):
        bad = {**form(district, on=high), f"also-{number}": "1", "outcome": "nonsense"}
        assert district.browser("anna").post(f"/alerts/{high}/close", bad).status_code == 422
    assert closed(district) == []


def test_what_one_did_oneself_meanwhile_stops_nothing(district: District):
    """Take on, write, close: three clicks, the last of them on a page from before the first."""
    high, _ = raised(district)
    shown = form(district, on=high)
    anna = district.browser("anna")
    assert anna.post(f"/alerts/{high}/acknowledge").status_code == 303
    assert anna.post(f"/alerts/{high}/note", {"text": "Spoken with her"}).status_code == 303
    assert anna.post(f"/alerts/{high}/close", shown).status_code == 303
    assert closed(district) == [high]


def test_what_was_said_is_kept_as_a_note_of_the_same_closing(district: District):
    high, medium = raised(district)
    said = "She had run up the stairs; 138/84 after ten minutes of rest"
    anna = district.browser("anna")
    too_long = {**form(district, medium, on=high), "said": "x" * 1001}
    assert anna.post(f"/alerts/{high}/close", too_long).status_code == 422
    assert closed(district) == []
    answer = anna.post(f"/alerts/{high}/close", {**form(district, medium, on=high), "said": said})
    assert answer.status_code == 303
    assert district.world.rows("select alert_id, by, text from notes") == [(high, "anna", said)]
    assert said in anna.get(f"/alerts/{high}").text
