"""The chart of an alert: its own values, in the time around it, with the limits of then."""

from typing import Any

import pytest

from tests.server.web.district import DAY, HOUR, District


def chart(district: District, number: int, who: str = "anna") -> dict[str, Any]:
    answer = district.browser(who).get(f"/alerts/{number}/charts")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_it_shows_what_the_alert_rests_on_with_the_days_before_and_the_limits(district: District):
    district.measure({"systolic": "130", "spo2": "97"}, ago=3 * DAY)
    district.measure({"systolic": "140"}, ago=20 * DAY)
    district.measure({"systolic": "190"}, ago=2 * HOUR)
    number = district.alert("systolic-high-outer")
    shown = chart(district, number)
    assert list(shown["charts"]) == ["systolic"]
    (series,) = shown["charts"]["systolic"]["series"]
    assert [point[1] for point in series["points"]] == [130, 190]
    assert {"from": None, "to": None, "level": "outer", "above": 180.0} in shown["charts"][
        "systolic"
    ]["bands"]
    assert shown["to"] == district.now
    page = district.browser("anna").get(f"/alerts/{number}").text
    assert f'data-charts-url="/alerts/{number}/charts"' in page
    assert 'data-chart="systolic"' in page


def test_a_closed_one_shows_its_own_time_however_long_ago(district: District):
    district.measure({"systolic": "190"})
    number = district.alert("systolic-high-outer")
    district.browser("anna").post(
        f"/alerts/{number}/close", {"outcome": "advice-given", "review": "2026-09-28"}
    )
    at = chart(district, number)["to"]
    district.now += 60 * DAY
    shown = chart(district, number)
    assert at <= shown["to"] <= at + DAY
    assert [point[1] for point in shown["charts"]["systolic"]["series"][0]["points"]] == [190]


def test_a_missing_measurement_shows_when_there_was_one_last(district: District):
    district.measure({"systolic": "130"}, ago=9 * DAY)
    district.judge()
    rows = district.world.rows("select id from alerts where rule = 'missing-systolic'")
    if not rows:
        district.now += DAY
        district.judge()
        rows = district.world.rows("select id from alerts where rule = 'missing-systolic'")
    ((number,),) = rows
    (series,) = chart(district, number)["charts"]["systolic"]["series"]
    assert [point[1] for point in series["points"]] == [130]


def test_every_look_at_it_is_on_the_record(district: District):
    district.measure({"systolic": "190"})
    number = district.alert("systolic-high-outer")
    chart(district, number)
    said = "select detail from audit where what = 'chart-seen' and who = 'anna'"
    assert [one for (one,) in district.world.rows(said)] == [f"alert {number}"]


@pytest.mark.parametrize(("who", "status"), [("tito", 403), ("ada", 403), (None, 303)])
def test_who_sees_no_patients_sees_no_chart(district: District, who: str | None, status: int):
    district.measure({"systolic": "190"})
    number = district.alert("systolic-high-outer")
    assert district.browser(who).get(f"/alerts/{number}/charts").status_code == status


def test_a_technical_alert_has_none(district: District):
    district.measure({"systolic": "120"}, device="AA:BB:CC:DD:EE:F9")
    number = district.alert("measurement-held")
    assert district.browser("anna").get(f"/alerts/{number}/charts").status_code == 404
    assert "data-charts-url" not in district.browser("anna").get(f"/alerts/{number}").text
