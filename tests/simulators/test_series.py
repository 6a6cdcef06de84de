"""Recorded series, set into a zone and a start date."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulators.series import UnknownSeries, read

ROME = ZoneInfo("Europe/Rome")
DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def series(tmp_path):
    def write(*lines):
        path = tmp_path / "series.csv"
        path.write_text("\n".join(lines))
        return path

    return write


def test_local_times_stay_and_the_first_day_becomes_the_start(series):
    path = series("timestamp_local,glucose_mg_dL,subject", "2014-02-03T08:42:12,93,a")
    kind, (entry,) = read(path, ROME, date(2026, 1, 10))
    assert kind == "glucose meter"
    assert entry.at.isoformat() == "2026-01-10T08:42:12"


def test_a_local_time_that_does_not_exist_is_an_hour_later(series):
    path = series("timestamp_local,glucose_mg_dL,subject", "2014-02-03T02:30:00,93,a")
    _, (entry,) = read(path, ROME, date(2026, 3, 29))
    assert entry.at.isoformat() == "2026-03-29T03:30:00"


def test_a_row_without_a_value_is_nothing_to_play(series):
    path = series("person,day,weight_kg", "1,0,69.4", "1,1,", "1,2,70.0")
    _, entries = read(path, ROME, date(2026, 1, 1))
    assert [str(entry.values[0]) for entry in entries] == ["69.4", "70.0"]


def test_other_columns_are_no_series(series):
    with pytest.raises(UnknownSeries, match="columns"):
        read(series("a,b", "1,2"), ROME, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("file", "kind", "count"),
    [
        ("home_bp_one_person_108d.csv", "cuff", 222),
        ("cgm_5_subjects.csv", "glucose meter", 9091),
        ("daily_weight_6_people_63d.csv", "scale", None),
    ],
)
def test_the_real_series_read_as_they_are(file, kind, count):
    path = DATA / file
    if not path.exists():
        pytest.skip(f"needs {path}")
    found, entries = read(path, ROME, date(2026, 1, 1))
    assert found == kind
    assert count in (None, len(entries))
    assert entries[0].at.date() == date(2026, 1, 1)
