"""``vicino-server backtest``: a plan tried on what is stored, and what it refuses."""

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.__main__ import main
from server.domain.instants import HOUR, to_datetime
from tests.server.services.test_backtesting import CUFF, LIMIT, TODAY, beaten, followed, measure
from tests.server.world import T0, World

Asked = Any


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str], world: World) -> Asked:
    """Run the command; return its status, what it printed, and what it said of mistakes."""
    settings = tmp_path / "server.toml"
    settings.write_text(
        f'data_dir = "{tmp_path}"\ndatabase = "{world.store.url}"\n', encoding="utf-8"
    )
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(LIMIT), encoding="utf-8")
    first = TODAY - timedelta(days=20)

    def run(**options: str) -> tuple[int, str, str]:
        given = {"plan": plan, "panel": "CHC Susa", "from": first, "to": TODAY} | options
        words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
        try:
            status = main(["backtest", *words, "--settings", str(settings)])
        except SystemExit as wrong_usage:
            status = int(str(wrong_usage.code))
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def home(world: World) -> World:
    world.device(CUFF, world.patient())
    measure(world, beaten([100, 90, 40], "150") + beaten([70], "120"))
    followed(world)
    return world


def test_the_answer_is_printed_and_written(home: World, ask: Asked, tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    day_later = to_datetime(T0 - 30 * HOUR).isoformat()
    events.write_text(f"patient,time,event\nP1,{day_later},admission\n", encoding="utf-8")
    whole, table = tmp_path / "answer.json", tmp_path / "answer.csv"
    files = {"events": str(events), "json": str(whole), "csv": str(table), "cost-minutes": "7.5"}
    status, said, error = ask(**files)
    assert (status, error) == (0, "")
    assert "CHC Susa" in said
    assert "systolic-high-inner" in said
    assert "nurse minutes a week, 7.5 an alert" in said
    assert "of 1 events an alert preceded 1 within 14 days" in said
    assert "P1 2026-09-20T08:13:20+00:00 admission: 70.0 h before: systolic-high-inner" in said
    assert "Nobody answers" in said
    answer = json.loads(whole.read_bytes())
    assert answer["from_day"] == str(TODAY - timedelta(days=20))
    assert [one["alerts"] for one in answer["tested"]["rules"] if "high" in one["rule"]] == [2]
    assert answer["in_force"]["alerts"] == 0
    assert answer["difference"]["alerts"] == answer["tested"]["alerts"]
    assert answer["tested"]["nurse_minutes"] == 7.5 * answer["tested"]["alerts"]
    assert "Rossi" not in whole.read_text(encoding="utf-8") + said
    with table.open(encoding="utf-8", newline="") as file:
        rows = {(row["plan"], row["rule"]): row for row in csv.DictReader(file)}
    high = rows["tested", "systolic-high-inner"]
    assert (high["priority"], high["findings"], high["alerts"]) == ("medium", "3", "2")
    assert home.rows("SELECT what, chc_id FROM audit WHERE what = 'backtest'") == [
        ("backtest", home.chc)
    ]


def test_a_protocol_is_taken_by_name_or_file(home: World, ask: Asked, tmp_path: Path) -> None:
    status, said, _ = ask(plan="hypertension")
    assert status == 0
    assert "missing-systolic" in said
    own = tmp_path / "own.toml"
    own.write_text("name = 'own'\n", encoding="utf-8")
    status, _, error = ask(plan=str(own))
    assert status == 2
    assert "own.toml" in error
    assert "version" in error


def test_what_the_charts_do_not_know_is_said(home: World, ask: Asked) -> None:
    measure(home, beaten([20]), 9)
    home.run()
    assert "NOT COMPLETE: the chart store does not know the last 1 inputs" in ask()[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"panel": "CHC Nowhere"}, "there is no CHC 'CHC Nowhere'"),
        ({"from": str(TODAY), "to": str(TODAY - timedelta(days=1))}, "is after --to"),
        ({"from": str(date(2999, 1, 1)), "to": str(date(2999, 1, 2))}, "lies in the future"),
        ({"from": "yesterday"}, "--from: 'yesterday' is no day such as 2026-01-31"),
        ({"cost-minutes": "nan"}, "--cost-minutes"),
        ({"cost-minutes": "-1"}, "--cost-minutes"),
        ({"plan": "no-such.json"}, "no-such.json: No such file"),
        ({"events": "no-such.csv"}, "no-such.csv: No such file"),
        ({"json": "/nowhere/answer.json"}, "/nowhere/answer.json: No such file"),
    ],
)
def test_wrong_options(world: World, ask: Asked, options: dict[str, str], said: str) -> None:
    status, out, error = ask(**options)
    assert (status, out) == (2, "")
    assert said in error


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"thresholds": [', "plan.json: plan: Input data was truncated"),
        ('{"limits": []}', "unknown field `limits`"),
        (
            json.dumps({"thresholds": [{**LIMIT["thresholds"][0], "low_inner": "200"}]}),
            "plan.json: plan: thresholds systolic: limits are crossed",
        ),
        (
            json.dumps({"thresholds": [{**LIMIT["thresholds"][0], "code": "sugar"}]}),
            "$.thresholds[0].code",
        ),
    ],
)
def test_a_wrong_plan(world: World, ask: Asked, tmp_path: Path, body: str, said: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(body, encoding="utf-8")
    status, _, error = ask(plan=str(file))
    assert status == 2
    assert said in error
    assert "plan.json" in error


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("who,when\n", "has no column event, patient, time"),
        ("patient,time,event\nP1,2026-09-20,fall\n", "line 2: time '2026-09-20' has no offset"),
        ("patient,time,event\nP1,soon,fall\n", "line 2: time 'soon' is not ISO 8601"),
        ("patient,time,event\nP7,2026-09-20T08:00Z,fall\n", "CHC Susa has no patient 'P7'"),
    ],
)
def test_wrong_events(home: World, ask: Asked, tmp_path: Path, lines: str, said: str) -> None:
    file = tmp_path / "events.csv"
    file.write_text(lines, encoding="utf-8")
    status, _, error = ask(events=str(file))
    assert status == 2
    assert said in error
