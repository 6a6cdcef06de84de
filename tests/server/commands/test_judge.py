"""Checking rules by hand: the published weight rules at their edges, and every protocol shipped."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from server.__main__ import main
from server.domain.protocols import parse_protocol
from server.errors import WrongInput

PROTOCOLS = sorted(
    entry.name for entry in (files("server") / "protocols").iterdir() if entry.name[-5:] == ".toml"
)


@pytest.fixture
def judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Judge rows of (time, code, value); return the findings, or the exit status and error."""

    def run(rows: list[tuple[str, str, str]], *words: str):
        file = tmp_path / "series.csv"
        lines = [",".join(row) for row in [("time", "code", "value"), *rows]]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        status = main(["judge", *words, "--series", str(file)])
        said = capsys.readouterr()
        if status:
            return status, said.err
        return [json.loads(line) for line in said.out.splitlines()]

    return run


def weighings(*kilograms: str, day: int = 1) -> list[tuple[str, str, str]]:
    return [
        (f"2026-03-{day + n:02d}T07:00:00+01:00", "weight", weight)
        for n, weight in enumerate(kilograms)
    ]


@pytest.mark.parametrize(
    ("rule", "series", "beyond"),
    [
        # More than 2 kg, against the lowest first weighing of the three days before.
        ("weight-esc-2kg-3d", weighings("80.0", "80.5", "82.0"), []),
        ("weight-esc-2kg-3d", weighings("80.0", "80.5", "82.01"), [82.01]),
        ("weight-esc-2kg-3d", weighings("80", "82.1", "82.2", "82.3", "82.4"), [82.1, 82.2, 82.3]),
        # At least 3 lb in a day.
        ("weight-1.36kg-1d", weighings("70.0", "71.36"), [71.36]),
        ("weight-1.36kg-1d", weighings("70.0", "71.359"), []),
        # At least 5 lb in a week: the eighth day looks back to the first no more.
        ("weight-2.27kg-7d", weighings("70", *["72"] * 6, "72.27"), [72.27]),
        ("weight-2.27kg-7d", weighings("70", *["72"] * 7, "72.27"), []),
    ],
)  # fmt: skip
def test_the_published_weight_rules(judge, rule: str, series: list, beyond: list[float]) -> None:
    found = judge(series, "--rule", rule)
    assert [one["values"] for one in found] == [{"weight": value} for value in beyond]
    assert {one["rule"] for one in found} <= {rule}
    times = {value: time for time, _, value in series}
    assert all(one["measured_at"] in times.values() for one in found)
    assert all(one["raised_at"] == one["measured_at"] for one in found)


def test_thirty_weighings_a_morning_count_as_their_first(judge) -> None:
    """H13."""
    first = [(f"2026-03-01T06:{n:02d}:00+01:00", "weight", str(70 + n)) for n in range(30)]
    assert judge([*first, *weighings("72.1", day=2)], "--rule", "weight-esc-2kg-3d") != []
    assert judge([*first, *weighings("72.0", day=2)], "--rule", "weight-esc-2kg-3d") == []


def test_the_order_of_the_file_is_no_matter_and_loinc_is_read(judge) -> None:
    rows = [(time, "29463-7", value) for time, _, value in weighings("80", "81", "82.5")]
    expected = judge(rows, "--rule", "weight-esc-2kg-3d")
    assert [one["measured_at"] for one in expected] == [rows[2][0]]
    assert judge([rows[2], rows[0], rows[1]], "--rule", "weight-esc-2kg-3d") == expected


def test_the_zone_says_what_a_civil_day_is(judge) -> None:
    # Half past midnight in Rome is still the day before in UTC.
    rows = [
        ("2026-03-01T23:00:00+01:00", "weight", "80"),
        ("2026-03-02T00:30:00+01:00", "weight", "82"),
    ]
    assert len(judge(rows, "--rule", "weight-1.36kg-1d")) == 1
    assert judge(rows, "--rule", "weight-1.36kg-1d", "--zone", "UTC") == []


def test_a_blood_pressure_week_is_averaged_without_its_first_day(judge) -> None:
    """7 days of 2 + 2, the first 150 and then 130: 130.0 from 24 readings (clinical examples)."""
    hours = ("07:00", "07:01", "19:00", "19:01")

    def week(first: str, rest: str) -> list[tuple[str, str, str]]:
        return [
            (f"2026-03-{day:02d}T{hour}:00+01:00", "systolic", first if day == 1 else rest)
            for day in range(1, 8)
            for hour in hours
        ]

    protocol = ("--protocol", "hypertension")
    assert judge(week("150", "130"), *protocol) == []
    found = judge(week("120", "135"), *protocol)
    # Insufficient until the twelfth value after the first day.
    assert [one["measured_at"] for one in found][:1] == ["2026-03-04T19:01:00+01:00"]
    assert len(found) == 13
    assert judge(week("150", "134.9"), *protocol) == []


def test_a_value_below_the_devices_range_has_no_number(judge) -> None:
    """H3."""
    rows = [("2026-03-01T07:00:00+01:00", "glucose", "LO")]
    found = judge(rows, "--protocol", "diabetes")
    assert [(one["rule"], one["values"]) for one in found] == [
        ("glucose-low-outer", {"glucose": "LO"}),
        ("glucose-low-inner", {"glucose": "LO"}),
    ]


def test_a_protocol_for_many_has_no_scale_for_one() -> None:
    """H11: scale 2 only where a doctor set one patient's target."""
    text = (files("server") / "protocols" / "copd.toml").read_text(encoding="utf-8")
    scored = '\n[early_warning]\nsource = "RCP 2017"\nscale = {}\ndoctor = "dora"\n'
    assert parse_protocol(text + scored.format(1), "copd.toml").plan().early_warning
    with pytest.raises(WrongInput, match=r"copd.toml: early_warning scale"):
        parse_protocol(text + scored.format(2), "copd.toml")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_is_whole_and_names_its_sources(name: str) -> None:
    text = (files("server") / "protocols" / name).read_text(encoding="utf-8")
    protocol = parse_protocol(text, name)
    plan = protocol.plan()
    assert protocol.name == name.removesuffix(".toml")
    assert plan.expectations()
    assert all(rule.source for rule in (*plan.thresholds, *plan.gains, *plan.rules))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("low_outer = 54", "low_outer = 90"), "crossed"),
        (('code = "glucose"', 'code = "sugar"'), "sugar"),
        (('source = "ADA: level', '# source = "ADA: level'), "source"),
        (("low_inner = 70", "low_inner = nan"), "NaN is no number"),
        (("low_inner = 70", "low_inner = "), "Invalid value"),
        (("high_outer = 250", "high_outer = 250\nlow = 3"), "low"),
        (("high_outer = 250", "high_outer = 99999"), "cannot be true|what can be true"),
    ],
)
def test_a_wrong_protocol_is_refused_whole_with_file_and_reason(
    judge, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    text = (files("server") / "protocols" / "diabetes.toml").read_text(encoding="utf-8")
    assert change[0] in text
    file = tmp_path / "own.toml"
    file.write_text(text.replace(*change, 1), encoding="utf-8")
    status, error = judge([], "--protocol", str(file))
    assert status == 1
    assert "own.toml" in error
    assert any(part in error for part in said.split("|"))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("2026-03-01T07:00:00", "weight", "80"), "line 2: time '2026-03-01T07:00:00' has no off"),
        (("yesterday", "weight", "80"), "is not ISO 8601"),
        (("2026-03-01T07:00:00Z", "mass", "80"), "code 'mass'"),
        (("2026-03-01T07:00:00Z", "weight", "heavy"), "'heavy' is no number"),
        (("2026-03-01T07:00:00Z", "weight", "NaN"), "cannot be true"),
        (("2026-03-01T07:00:00Z", "weight", "0"), "cannot be true"),
    ],
)
def test_a_wrong_row_is_named(judge, row: tuple[str, str, str], said: str) -> None:
    status, error = judge([row], "--rule", "weight-esc-2kg-3d")
    assert status == 1
    assert said in error
