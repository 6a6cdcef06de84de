"""What an administrator types: records as options or JSON lines, all or none, on the record."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.__main__ import main
from server.stores.database import Database

PASSWORD = "correct horse battery"
ADDRESS = "AA:BB:CC:DD:EE:01"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "server.toml"
    file.write_text('data_dir = "data"\n', encoding="utf-8")
    return file


@pytest.fixture
def call(settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the program with records on its standard input; return status, output and errors."""

    def run(*words: str, records: list[dict] | str = "") -> tuple[int, list[str], str]:
        text = records if isinstance(records, str) else "\n".join(map(json.dumps, records))
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        status = main([*words, "--settings", str(settings)])
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err

    return run


def rows(settings: Path, sql: str) -> list[tuple]:
    database = Database(f"sqlite:///{settings.parent / 'data' / 'vicino.db'}")
    with database.read() as tx:
        found = [tuple(row) for row in tx.connection.exec_driver_sql(sql)]
    database.close()
    return found


STAFF = [
    {"name": "anna", "full_name": "A N", "role": "nurse", "chc": "Susa", "password": PASSWORD},
    {"name": "dora", "full_name": "D G", "role": "doctor", "chc": "Susa", "password": PASSWORD},
]
PATIENT = {
    "reference": "P1",
    "chc": "Susa",
    "family_name": "Rossi",
    "given_name": "Maria",
    "born_on": "1941-03-02",
}
LIMITS = {"thresholds": [{"code": "systolic", "source": "test", "high_outer": "180"}]}
NIGHTS = "hours nobody covers: Mon-Sun 20:00-08:00"
SINCE = "2026-01-01T00:00:00+01:00"


def set_up(call) -> None:
    assert call("user", "add", records=STAFF)[0] == 0
    assert call("patient", "add", records=[PATIENT])[0] == 0
    draft = {"patient": "P1", "author": "anna", "plan": LIMITS}
    assert call("plan", "add", records=[draft])[0] == 0


def test_people_devices_and_plans_are_set_up_and_listed(call, settings: Path) -> None:
    set_up(call)
    device = {"address": ADDRESS, "profile": "generic_blood_pressure", "chc": "Susa"}
    assert call("device", "add", records=[device])[0] == 0
    words = ("--address", ADDRESS, "--patient", "P1", "--from", SINCE)
    assert call("device", "assign", *words)[0] == 0
    words = ("--patient", "P1", "--version", "1", "--by", "dora", "--from", SINCE)
    assert call("plan", "confirm", *words) == (0, [f"1 (watches systolic; {NIGHTS})"], "")
    (listed,) = (json.loads(line) for line in call("device", "list")[1])
    assert listed == {
        "address": ADDRESS, "profile": "generic_blood_pressure", "patient": "P1"
    }  # fmt: skip
    by_default, plan = (json.loads(line) for line in call("plan", "list")[1])
    assert (by_default["version"], by_default["default"]) == (0, True)
    assert (plan["confirmed_by"], plan["author"], plan["default"]) == ("dora", "anna", False)
    assert [json.loads(line)["name"] for line in call("user", "list")[1]] == ["anna", "dora"]


def test_confirming_says_what_is_no_longer_watched_and_what_is_not_in_force(call) -> None:
    """H8: a plan that watches nothing is never confirmed without a word."""
    set_up(call)
    words = ("--patient", "P1", "--by", "dora")
    assert call("plan", "confirm", *words, "--version", "1", "--from", SINCE)[0] == 0
    assert call("plan", "add", "--patient", "P1", "--author", "anna", "--plan", "{}")[0] == 0
    later = "2026-01-02T00:00:00+01:00"
    said = call("plan", "confirm", *words, "--version", "2", "--from", later)[1]
    assert said == [f"2 (watches NOTHING; no longer systolic; {NIGHTS})"]
    assert call("plan", "add", "--patient", "P1", "--author", "anna", "--plan", "{}")[0] == 0
    said = call("plan", "confirm", *words, "--version", "3", "--from", "2020-01-01T00:00:00Z")[1]
    assert said == [f"3 (watches NOTHING; NOT in force now; {NIGHTS})"]


def test_a_plan_is_proposed_from_a_protocol(call) -> None:
    """It is a draft: the protocol's numbers watch nothing until a doctor confirms them (H8)."""
    set_up(call)
    words = ("--patient", "P1", "--author", "anna", "--protocol")
    assert call("plan", "propose", *words, "heart-failure")[:2] == (0, ["2"])
    *_, plan = (json.loads(line) for line in call("plan", "list")[1])
    assert (plan["version"], plan["confirmed_by"]) == (2, None)
    assert [gain["name"] for gain in plan["plan"]["gains"]] == ["weight-esc-2kg-3d"]
    status, _, said = call("plan", "propose", *words, "nonsense")
    assert status == 1
    assert "nonsense: No such file" in said


def test_a_protocol_is_fitted_to_a_patient_for_a_reason(call) -> None:
    set_up(call)
    words = ("--patient", "P1", "--author", "anna", "--protocol", "heart-failure")
    *_, as_it_is = (json.loads(line) for line in _proposed(call, words))
    limits = {one["code"]: one for one in as_it_is["plan"]["thresholds"]}
    other = {**limits["spo2"], "low_outer": "82", "low_inner": "86"}
    changes = ("--changes", json.dumps({"thresholds": [other]}), "--without", "weight-esc-2kg-3d")
    status, _, said = call("plan", "propose", *words, *changes)
    assert (status, "reason: say why" in said) == (1, True)
    *_, made = (
        json.loads(line) for line in _proposed(call, (*words, *changes, "--reason", "COPD"))
    )
    plan, fitted = as_it_is["plan"], made["plan"]
    assert {one["code"]: one for one in fitted["thresholds"]} == {**limits, "spo2": other}
    assert [gain["name"] for gain in fitted.get("gains", [])] == [
        gain["name"] for gain in plan["gains"] if gain["name"] != "weight-esc-2kg-3d"
    ]
    assert (fitted["protocol"], fitted["reason"]) == (plan["protocol"], "COPD")
    status, _, said = call("plan", "propose", *words, "--without", "weight", "--reason", "no scale")
    assert (status, "heart-failure has no weight" in said) == (1, True)


def _proposed(call, words: tuple[str, ...]) -> list[str]:
    assert call("plan", "propose", *words)[0] == 0
    return call("plan", "list")[1]


def test_hours_are_agreed_with_who_is_told_outside_them(call, settings: Path) -> None:
    """H9: the command says which hours are left over."""
    set_up(call)
    (before,) = (json.loads(line) for line in call("chc", "list")[1])
    assert (before["hours"], before["hours_are_default"]) == ("Mon-Sun 08:00-20:00", True)
    agreement = {
        "chc": "Susa", "hours": "Mon-Fri 08:00-20:00, Sat 08:00-14:00", "recipient": "dora",
        "recipient_hours": "Mon-Sun 20:00-08:00",
    }  # fmt: skip
    status, said, _ = call("chc", "hours", records=[agreement])
    assert (status, said) == (
        0, ["Susa: hours nobody covers: Sat 14:00-20:00, Sun 08:00-20:00"]
    )  # fmt: skip
    (after,) = (json.loads(line) for line in call("chc", "list")[1])
    assert after["recipient"] == "dora"
    assert not after["hours_are_default"]


def test_a_roster_puts_staff_on_duty(call) -> None:
    set_up(call)
    soon = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    assert call("user", "duty", records=[{"name": "anna", "until": soon}])[0] == 0
    on = {row["name"]: row["on_duty_until"] for row in map(json.loads, call("user", "list")[1])}
    assert on["anna"] is not None
    assert on["dora"] is None


def test_no_listing_names_a_patient(call) -> None:
    set_up(call)
    assert "Rossi" not in "".join(call("patient", "list")[1])


def test_every_change_is_on_the_record(call, settings: Path) -> None:
    set_up(call)
    said = rows(settings, "SELECT what FROM audit ORDER BY id")
    assert said == [("user-add",), ("user-add",), ("patient-add",), ("plan-add",)]


def test_passwords_are_stored_as_argon2id(call, settings: Path) -> None:
    set_up(call)
    for (hashed,) in rows(settings, "SELECT password_hash FROM users"):
        assert hashed.startswith("$argon2id$")


def test_of_many_records_all_are_taken_or_none(call, settings: Path) -> None:
    second = {**PATIENT, "reference": "P2", "zone": "Mars/Olympus"}
    status, _, error = call("patient", "add", records=[PATIENT, second])
    assert status == 1
    assert "record 2" in error
    assert "zone" in error
    assert rows(settings, "SELECT count(*) FROM patients") == [(0,)]


@pytest.mark.parametrize(
    ("words", "records", "said"),
    [
        (("user", "add"), [{**STAFF[0], "password": "short"}], "12 characters"),
        (("user", "add"), [{**STAFF[0], "role": "king"}], "role"),
        (("user", "add"), [{**STAFF[0], "nickname": "x"}], "nickname"),
        (("patient", "add"), [{**PATIENT, "born_on": "yesterday"}], "born_on"),
        (("patient", "add"), "{", "line 1"),
        (("device", "add"), [{"address": "1", "profile": "x", "chc": "Susa"}], "address"),
        (("device", "add"), [{"address": ADDRESS, "profile": "x", "chc": "S"}], "profile"),
        (("chc", "hours"), [{"chc": "S", "hours": "always"}], "always"),
        (("chc", "hours"), [{"chc": "S", "recipient": "dora"}], "recipient"),
        (("user", "duty"), [{"name": "x", "until": SINCE}], "until"),
        (("plan", "add"), [{"patient": "P9", "author": "a", "plan": LIMITS}], "P9"),
    ],
)  # fmt: skip
def test_a_mistake_names_the_key_and_changes_nothing(call, words, records, said: str) -> None:
    status, out, error = call(*words, records=records)
    assert (status, out) == (1, [])
    assert said in error


@pytest.mark.parametrize("by", ["anna", "nobody"])
def test_only_a_doctor_confirms_a_plan(call, by: str) -> None:
    """H8."""
    set_up(call)
    words = ("--patient", "P1", "--version", "1", "--by", by, "--from", SINCE)
    status, _, error = call("plan", "confirm", *words)
    assert status == 1
    assert "doctor" in error


def test_a_wrong_settings_file_stops_with_file_key_and_reason(call, settings: Path) -> None:
    settings.write_text('data_dir = "data"\nhttp_port = 99999\n', encoding="utf-8")
    status, _, error = call("patient", "list")
    assert status == 2
    assert str(settings) in error
    assert "http_port" in error
