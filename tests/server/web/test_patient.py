"""The patient page: nothing unwatched looks calm, nothing beyond a limit is lost."""

import csv
import io
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.codes import Code
from server.domain.plans import parse_plan
from server.domain.repeats import RepeatState
from server.engine.rules import COMPARATOR
from server.ports.charts import MARK_HELD, MARK_LATE, POINT
from server.ports.directory import PlanRow
from server.services import alert_work, commanding, planning
from server.services.shipped import protocols
from server.web import charts, texts
from server.web.adherence import DAYS
from server.web.limits import Points
from server.web.thinning import POINTS_MAX, thinned
from server.web.wording import Wording
from tests.server.web.district import DAY, HOSTILE, HOUR, MINUTE, T0, WATCHED, District

W = Wording("en", "Europe/Rome", T0)


def plan_row(version: int, from_at: int, body: str) -> PlanRow:
    return PlanRow(1, version, parse_plan(body), "dora", 0, "dora", from_at)


def charts_of(district: District, patient: int, days: str = "30") -> dict[str, Any]:
    answer = district.browser("anna").get(f"/patients/{patient}/charts?days={days}")
    found: dict[str, Any] = answer.json()
    return found


LIMITS = '{"thresholds": [{"code": "systolic", "source": "test", "high_outer": "%s"}]}'


def points(values: list[tuple[int, float, int]]) -> Points:
    return np.array([(at, round(value * 10), marks) for at, value, marks in values], POINT)


def test_what_nobody_watches_says_so_and_is_never_green(district: District):
    district.measure({"systolic": "120", "diastolic": "80"})
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    diastolic = page[page.index('id="diastolic"') :]
    assert "received, not watched" in diastolic
    systolic = page[page.index('id="systolic"') : page.index('id="diastolic"')]
    assert "not watched" not in systolic


def test_a_vital_of_a_patient_without_a_plan_has_its_chart(district: District):
    patient = district.person("P2", "Bianchi", "Giuseppe")
    district.world.device("AA:BB:CC:DD:EE:02", patient)
    district.measure({"pulse": "70"}, device="AA:BB:CC:DD:EE:02")
    chart = charts_of(district, patient)["charts"]["pulse"]
    assert chart["series"][0]["points"][0][1] == 70
    assert chart["bands"] == []


def test_a_patient_without_a_plan_is_not_watched_and_a_draft_watches_nothing(district: District):
    patient = district.person("P2", "Bianchi", "Giuseppe")
    with district.store.write() as tx:
        person = tx.directory.patient(patient)
        assert person is not None
        tx.directory.add_plan(person, parse_plan(LIMITS % 180), "anna", district.now)
    browser = district.browser("anna")
    page = browser.get(f"/patients/{patient}").text
    assert "No plan is confirmed: nothing is watched." in page
    assert "draft, watches nothing" in page
    row = browser.post("/patients", {"q": "bianchi"}).text
    assert "not watched" in row
    assert "the plan is a draft" in row


def test_the_list_names_what_is_received_and_not_watched(district: District):
    district.measure({"systolic": "120", "pulse": "70"})
    page = district.browser("anna").get("/patients").text
    assert "received, not watched: Pulse" in " ".join(page.split()).replace("</span>", "").replace(
        "not watched</p>", ""
    )


def test_the_page_shows_the_newest_value_and_how_it_lies(district: District):
    district.measure({"systolic": "190"}, ago=20 * MINUTE)
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    assert '<strong class="newest-value level-outer">190 mmHg</strong>' in page
    assert "beyond the outer limit" in page
    assert "Systolic pressure 190 mmHg, above 180" in page


def test_the_page_says_that_the_home_was_asked_and_until_when(district: District):
    threshold = {**WATCHED["thresholds"][0], "measure_again": 10}
    district.world.plan(district.maria, {"thresholds": [threshold]}, district.now - DAY)
    with district.store.write() as tx:
        tx.measurements.seen_gateway("gw-1", district.now, 0, {"prompts": True})
    district.measure({"systolic": "170"}, ago=MINUTE)
    browser, page = district.browser("anna"), f"/patients/{district.maria}"
    shown = browser.get(page).text
    assert "up to 10 min" in shown
    assert 'data-repeat="waiting"' in shown
    assert "<strong>170 mmHg</strong>" in shown
    assert "Systolic pressure, above 160" in shown
    assert "the request to measure again has not left the server" in shown
    said = []
    commanding.send(district.store, lambda *words: said.append(words), district.now)
    assert [topic for topic, _ in said] == ["vicino/1/gw-1/down"]
    shown = browser.get(page).text
    assert "the home was asked 16:13 to measure again" in shown
    assert "an alert is raised by 16:22 at the latest" in shown
    district.now += 3 * MINUTE
    district.measure({"systolic": "150"}, ago=0)
    shown = browser.get(page).text
    assert 'data-repeat="normal"' in shown
    assert "the repeat was within the limit: no alert" in shown
    assert 'class="numeric">170<' in shown
    assert 'class="numeric">150<' in shown


def test_every_end_of_a_wait_has_its_words() -> None:
    assert set(texts.REPEATS) == set(RepeatState) - {RepeatState.WAITING}


def test_stored_but_not_judged_is_said_at_the_top(district: District):
    district.measure({"systolic": "120"})
    with district.store.write() as tx:
        tx.inputs.set_aside(1, "poisoned")
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    number = district.world.rows("select count(*) from inputs where set_aside is not null and"
                                 f" patient_id={district.maria}")[0][0]  # fmt: skip
    assert number == 1
    assert "stored, not judged" in page


def test_the_chart_has_points_limits_and_alerts_of_the_period(district: District):
    district.measure({"systolic": "120"}, ago=20 * DAY)
    district.measure({"systolic": "190"}, ago=10 * MINUTE)
    month, day = (
        charts_of(district, district.maria, days)["charts"]["systolic"] for days in ("30", "1")
    )
    assert [point[1] for point in month["series"][0]["points"]] == [120, 190]
    assert [point[1] for point in day["series"][0]["points"]] == [190]
    assert month["unit"] == "mmHg"
    assert {(band["level"], band.get("above"), band.get("below")) for band in month["bands"]} == {
        ("outer", None, 80), ("inner", 160, None), ("outer", 180, None),
    }  # fmt: skip
    assert {alert["label"] for alert in day["alerts"]} == {
        "Systolic pressure 190 mmHg, above 160",
        "Systolic pressure 190 mmHg, above 180",
    }
    times = {point[0] for point in day["series"][0]["points"]}
    assert {alert["at"] for alert in day["alerts"]} <= times


def test_a_value_the_device_could_not_say_has_no_number(district: District):
    district.measure({"spo2": "LO"})
    chart = charts_of(district, district.maria)["charts"]["spo2"]
    assert chart["series"][0]["points"][0][1:] == [None, "LO"]


def test_each_version_draws_its_own_band():
    plans = [plan_row(1, 0, LIMITS % 170), plan_row(2, T0 - 5 * DAY, LIMITS % 190)]
    bands = charts.chart(W, Code.SYSTOLIC, points([]), plans, [], (T0 - 30 * DAY, T0))["bands"]
    assert bands == [
        {"from": None, "to": T0 - 5 * DAY, "level": "outer", "above": 170.0},
        {"from": T0 - 5 * DAY, "to": None, "level": "outer", "above": 190.0},
    ]


LIMIT_PLANS = [plan_row(1, 0, LIMITS % 170), plan_row(2, T0 - 5 * DAY, LIMITS % 150)]


@given(seed=st.integers(0, 2**32), count=st.integers(0, 5000), rare=st.integers(1, 400))
@settings(max_examples=40, deadline=None)
def test_nothing_beyond_a_limit_and_no_lo_hi_or_held_is_lost_among_many(
    seed: int, count: int, rare: int
):
    rnd = np.random.default_rng(seed)
    made = np.zeros(count, POINT)
    made["at"] = T0 - np.sort(rnd.integers(0, 10 * DAY, count))[::-1]
    made["value"] = rnd.integers(1000, 1500, count)
    out = rnd.integers(0, rare, count) == 0
    made["value"][out] = rnd.choice([1600, 1800, COMPARATOR, -COMPARATOR], out.sum())
    made["marks"][rnd.integers(0, rare, count) == 0] = MARK_HELD
    thin = thinned(Code.SYSTOLIC, made, LIMIT_PLANS)
    limit = np.where(made["at"] >= T0 - 5 * DAY, 1500, 1700)
    matters = (made["value"] > limit) | (made["value"] == -COMPARATOR) | (made["marks"] != 0)
    rows = {tuple(point) for point in thin.tolist()}
    assert {tuple(point) for point in made[matters].tolist()} <= rows
    assert len(thin) <= matters.sum() + POINTS_MAX
    assert np.all(np.diff(thin["at"]) >= 0)
    if count:
        assert made["value"].max() == thin["value"].max()
        assert made["value"].min() == thin["value"].min()


def test_marks_are_words_that_the_readout_says():
    made = points([(T0, 150, MARK_HELD | MARK_LATE)])
    chart = charts.chart(W, Code.SYSTOLIC, made, [], [], (T0 - DAY, T0))
    assert chart["series"][0]["points"] == [(T0, 150.0, "held+late")]
    assert chart["marks"] == {
        "held+late": "(held: not confirmed to be this patient's, arrived late)"
    }
    assert list(chart["key"]) == ["held", "late"]


def test_the_table_holds_the_same_values_as_the_chart(district: District):
    district.measure({"systolic": "131"}, ago=2 * HOUR)
    district.measure({"systolic": "147"}, ago=HOUR)
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    table = page[page.index('class="table table-sm values"') :]
    assert table.index('class="numeric">147<') < table.index('class="numeric">131<')
    assert "arrived late" in table


def test_only_a_doctor_decides_on_the_patients_page_and_sees_what_it_would_raise(
    district: District,
):
    with district.store.write() as tx:
        person = tx.directory.patient(district.maria)
        assert person is not None
        plan = protocols()["heart-failure"].plan()
        planning.propose(tx, district.world.user("anna"), person, plan, district.now)
    page = district.browser("dora").get(f"/patients/{district.maria}").text
    assert "A proposal waits for you" in page
    assert 'data-preview="90"' in page
    assert f'action="/patients/{district.maria}/plan/2/confirm"' in page
    assert f'action="/patients/{district.maria}/plan/2/decline"' in page
    assert "data-decide" not in district.browser("anna").get(f"/patients/{district.maria}").text


def test_what_is_new_is_new_since_the_readers_own_last_visit(district: District):
    path = f"/patients/{district.maria}"
    district.measure({"systolic": "120"}, ago=HOUR)
    assert "data-since" not in district.browser("dora").get(path).text  # never looked before
    district.now += 2 * HOUR
    district.measure({"systolic": "190"}, ago=MINUTE)
    for _ in range(2):  # looking again at once is the same visit
        page = district.browser("dora").get(path).text
        since = page[page.index("data-since") : page.index("</section>", page.index("data-since"))]
        assert "1 new value" in since
        assert "Systolic pressure, above 180" in since
        district.now += 10 * MINUTE
    district.now += 2 * HOUR
    assert "nothing else happened" in district.browser("dora").get(path).text


def test_notes_closes_and_versions_stand_beside_the_values(district: District):
    district.measure({"systolic": "190"})
    alert, user = district.alert("systolic-high-outer"), district.world.user("anna")
    with district.store.write() as tx:
        alert_work.note(tx, user, alert, HOSTILE, district.now)
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    happened = page[page.index("What happened") :]
    assert 'data-event="note"' in happened
    assert "Anna Neri: &lt;script&gt;" in happened
    assert 'data-event="plan"' in happened
    found = charts_of(district, district.maria)["events"]
    assert {one["sign"] for one in found} == {"N", "P"}


def test_home_blood_pressure_is_the_protocols_average_or_says_what_is_missing(district: District):
    for days in range(7):
        for ago in (0, 1, 12 * 60, 12 * 60 + 1):  # minutes: mornings and evenings, two each
            first = {"systolic": "150", "diastolic": "90"}
            then = {"systolic": "130", "diastolic": "80"}
            # 16:13 and 04:13 of the last seven civil days; the first of them is dropped
            district.measure(first if days == 6 else then, ago=days * DAY + ago * MINUTE + MINUTE)
        page = district.browser("anna").get(f"/patients/{district.maria}").text
        said = page[page.index('data-summary="pressure"') :][:400]
        assert ("130/80 mmHg, of " in said) == (days >= 3), (days, said)
        if days < 3:
            assert f"not enough measurements: {4 * days} of at least 12" in said
    assert "130/80 mmHg, of 24 measurements; morning 130/80 (12); evening 130/80 (12)" in said


def test_morning_and_evening_are_of_the_same_days_as_the_whole(district: District):
    """The first day is dropped whole: it had an evening only, and the mornings lose none by it."""
    morning, evening = (
        {"systolic": "140", "diastolic": "80"},
        {"systolic": "130", "diastolic": "70"},
    )
    for days in range(6):
        for minute in (0, 1):
            district.measure(evening, ago=days * DAY + minute * MINUTE + MINUTE)
            if days < 5:
                district.measure(morning, ago=days * DAY + 12 * HOUR + minute * MINUTE)
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    said = page[page.index('data-summary="pressure"') :][:400]
    assert "of 20 measurements; morning 140/80 (10); evening 130/70 (10)" in said


def test_the_strip_says_of_each_day_what_became_of_what_was_due(district: District):
    """Not measured is said of a home that could have: never where Vicino was at fault."""
    for days in (1, 2, 3, 5):
        district.measure({"systolic": "120"}, ago=days * DAY)
    district.world.plan(district.maria, WATCHED, district.now - 9 * DAY)
    district.now += DAY
    district.judge()
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    strip = page[page.index("data-adherence") :]
    strip = strip[: strip.index("</section>")]
    signs = re.findall(r'<span class="strip-[a-z-]+">(.)</span>', strip)
    assert len(signs) == DAYS
    assert signs.count("✓") == 4
    assert "✓ measured 4" in strip
    rows = district.world.rows("select cause, explained_at from absences")
    told = {"not-measured": "✗", "held": "?", "patient-away": "A"}
    expected = [told.get(cause, "T") if at is None else "~" for cause, at in rows]
    assert sorted(sign for sign in signs if sign not in "✓·") == sorted(expected)
    assert expected


def test_glucose_by_finger_is_a_share_and_no_time(district: District):
    for hours, value in enumerate(("LO", "100", "180", "181")):
        district.measure({"glucose": value}, ago=HOUR * (hours + 1))
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    said = page[page.index('data-summary="glucose"') :][:400]
    assert "share of measurements in range" in said
    assert "50% (2/4); below 1, above 1" in said


def test_a_part_of_the_score_is_named_as_one(district: District):
    plan = {**WATCHED, "early_warning": {"source": "RCP 2017", "scale": 1}}
    district.world.plan(district.maria, plan, district.now - DAY)
    district.measure({"spo2": "93", "pulse": "95"})
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    said = page[page.index('data-summary="news2"') :][:600]
    assert "Part of the NEWS2 (no score)" in said
    assert "3 points" in said  # 2 for 93 % on scale 1, 1 for a pulse of 95
    assert "Consciousness" in said
    everything = {"respiration-rate": "18", "supplemental-oxygen": "0", "consciousness": "0"}
    rest = {"systolic": "120", "temperature": "37.0", "spo2": "93", "pulse": "95"}
    district.measure({**everything, **rest}, ago=0)
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    assert "<strong>NEWS2</strong>: 3 points" in page


def test_what_the_device_said_of_a_value_stands_beside_it(district: District):
    district.measure({"systolic": "120"}, flags=["irregular-pulse", "word-of-its-own"])
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    assert "the device reported a doubt: irregular pulse, word-of-its-own" in page


def rows_of(district: District, language: str, cut: str) -> list[dict[str, str]]:
    browser = district.browser("anna")
    browser.post("/language", {"language": language, "next": "/worklist"})
    answer = browser.get(f"/patients/{district.maria}/measurements.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.startswith("\ufeff"), "a spreadsheet reads it as UTF-8"
    return list(csv.DictReader(io.StringIO(answer.text[1:]), delimiter=cut))


def test_the_file_holds_every_value_with_its_time_and_state(district: District):
    district.measure({"systolic": "131", "diastolic": "80"}, ago=HOUR)
    rows = rows_of(district, "en", ",")
    assert [(row["what"], row["value"], row["unit"]) for row in rows] == [
        ("Systolic pressure", "131", "mmHg"),
        ("Diastolic pressure", "80", "mmHg"),
    ]
    assert rows[0]["measured at"] == "2026-09-21 15:13:20"
    assert rows[0]["offset from UTC"] == "+02:00"
    assert rows[0]["state"] == "this patient's"


@pytest.mark.parametrize(("language", "value"), [("it", "valore"), ("fr", "valeur")])
def test_the_file_opens_in_the_readers_own_spreadsheet(
    district: District, language: str, value: str
):
    """LibreOffice and Excel cut at semicolons where the comma is the decimal sign."""
    district.measure({"temperature": "37.5", "spo2": "LO"}, profile="generic_thermometer")
    assert sorted(row[value] for row in rows_of(district, language, ";")) == ["37,5", "LO"]


def test_an_absence_says_its_cause(district: District):
    district.measure({"systolic": "120"}, ago=HOUR)
    district.now += 2 * DAY
    district.judge()
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    assert "Systolic pressure, expected by" in page
    assert "not measured" in page


def test_what_arrived_late_says_when_it_arrived(district: District):
    district.now += DAY
    district.judge()
    district.now += DAY
    district.measure({"systolic": "190"}, ago=DAY + 21 * HOUR)
    said = f"arrived late: at the server {Wording('en', 'Europe/Rome', T0).moment(district.now)}"
    browser = district.browser("anna")
    assert said in browser.get(f"/patients/{district.maria}").text
    assert said in browser.get(f"/alerts/{district.alert('systolic-high-outer')}").text


def test_limits_are_listed_with_their_unit(district: District):
    assert WATCHED["expected"]
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    assert "below 80 mmHg; above 160 mmHg; above 180 mmHg" in page
    assert "expected every day by 20:00" in page
