"""NEWS2 against the chart of the Royal College of Physicians (2017), every edge of it."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from server.__main__ import main
from server.engine.news2 import Band, Inputs, score
from server.errors import WrongInput

CALM = {
    "respiration_rate": "16",
    "spo2_pct": "97",
    "spo2_scale": 1,
    "supplemental_oxygen": False,
    "systolic_mmHg": "120",
    "pulse_bpm": "70",
    "consciousness": "A",
    "temperature_C": "36.8",
}
ORDER = (
    "respiration_rate",
    "spo2",
    "air_or_oxygen",
    "systolic",
    "pulse",
    "consciousness",
    "temperature",
)


def inputs(**given: object) -> Inputs:
    fields = {**CALM, **given}
    made = {
        name: Decimal(value) if isinstance(value, str) and name != "consciousness" else value
        for name, value in fields.items()
    }
    return Inputs(**made)


# Computed by hand from the printed table; the second is a published FHIR example (SynaneticsLtd,
# emergency-department-ig) whose stated total of 6 scores 37.5 °C as 1, which the table does not.
@pytest.mark.parametrize(
    ("rr", "spo2", "oxygen", "systolic", "pulse", "acvpu", "temperature", "scale", "points"),
    [
        ("16", "97", False, "120", "70", "A", "36.8", 1, (0, 0, 0, 0, 0, 0, 0)),
        ("21", "93", False, "120", "95", "A", "37.5", 1, (2, 2, 0, 0, 1, 0, 0)),
        ("18", "90", False, "130", "88", "A", "37.0", 1, (0, 3, 0, 0, 0, 0, 0)),
        ("18", "90", False, "130", "88", "A", "37.0", 2, (0, 0, 0, 0, 0, 0, 0)),
        ("20", "97", True, "125", "92", "A", "37.2", 2, (0, 3, 2, 0, 1, 0, 0)),
        ("20", "97", True, "125", "92", "A", "37.2", 1, (0, 0, 2, 0, 1, 0, 0)),
        ("18", "97", False, "125", "85", "A", "37.0", 2, (0, 0, 0, 0, 0, 0, 0)),
        ("12", "96", False, "219", "51", "A", "38.0", 1, (0, 0, 0, 0, 0, 0, 0)),
        ("11", "95", False, "110", "50", "A", "36.0", 1, (1, 1, 0, 1, 1, 0, 1)),
        ("24", "93", True, "100", "110", "A", "39.0", 1, (2, 2, 2, 2, 1, 0, 1)),
        ("8", "83", True, "90", "131", "C", "35.0", 2, (3, 3, 2, 3, 3, 3, 3)),
        ("25", "91", True, "220", "40", "V", "39.1", 1, (3, 3, 2, 3, 3, 3, 2)),
    ],
)
def test_worked_examples(rr, spo2, oxygen, systolic, pulse, acvpu, temperature, scale, points):
    found = score(
        inputs(
            respiration_rate=rr,
            spo2_pct=spo2,
            supplemental_oxygen=oxygen,
            systolic_mmHg=systolic,
            pulse_bpm=pulse,
            consciousness=acvpu,
            temperature_C=temperature,
            spo2_scale=scale,
        )
    )
    assert tuple(found.scores[name] for name in ORDER) == points
    assert found.aggregate == sum(points)


# Each printed band's lowest and highest value, as the chart prints them.
@pytest.mark.parametrize(
    ("name", "scored", "bands"),
    [
        ("respiration_rate", "respiration_rate", "0-8:3 9-11:1 12-20:0 21-24:2 25-90:3"),
        ("spo2_pct", "spo2", "0-91:3 92-93:2 94-95:1 96-100:0"),
        ("systolic_mmHg", "systolic", "0-90:3 91-100:2 101-110:1 111-219:0 220-450:3"),
        ("pulse_bpm", "pulse", "0-40:3 41-50:1 51-90:0 91-110:1 111-130:2 131-400:3"),
        ("temperature_C", "temperature", "20-35.0:3 35.1-36.0:1 36.1-38.0:0 38.1-39.0:1 39.1-45:2"),
    ],
)
def test_every_edge_of_the_printed_table(name: str, scored: str, bands: str) -> None:
    for band in bands.split():
        span, points = band.split(":")
        for edge in span.split("-"):
            assert score(inputs(**{name: edge})).scores[scored] == int(points), (name, edge)


@pytest.mark.parametrize(
    ("oxygen", "bands"),
    [
        (False, "0-83:3 84-85:2 86-87:1 88-92:0 93-100:0"),
        (True, "0-83:3 84-85:2 86-87:1 88-92:0 93-94:1 95-96:2 97-100:3"),
    ],
)
def test_every_edge_of_scale_2(oxygen: bool, bands: str) -> None:
    for band in bands.split():
        span, points = band.split(":")
        for edge in span.split("-"):
            given = inputs(spo2_pct=edge, spo2_scale=2, supplemental_oxygen=oxygen)
            assert score(given).scores["spo2"] == int(points), (edge, oxygen)


@pytest.mark.parametrize(
    ("name", "value", "scored", "points"),
    [
        ("temperature_C", "38.04", "temperature", 0),
        ("temperature_C", "38.05", "temperature", 1),
        ("temperature_C", "36.05", "temperature", 0),
        ("temperature_C", "36.04", "temperature", 1),
        ("respiration_rate", "20.4", "respiration_rate", 0),
        ("respiration_rate", "20.5", "respiration_rate", 2),
        ("spo2_pct", "95.5", "spo2", 0),
        ("spo2_pct", "91.5", "spo2", 2),
        ("systolic_mmHg", "110.5", "systolic", 0),
        ("pulse_bpm", "90.5", "pulse", 1),
    ],
)
def test_between_bands_a_value_is_rounded_half_up(name, value, scored, points) -> None:
    assert score(inputs(**{name: value})).scores[scored] == points


@pytest.mark.parametrize(
    ("given", "band"),
    [
        ({}, Band.LOW),
        ({"pulse_bpm": "95"}, Band.LOW),
        ({"consciousness": "C"}, Band.LOW_MEDIUM),
        ({"consciousness": "V", "pulse_bpm": "120"}, Band.MEDIUM),
        ({"consciousness": "P", "respiration_rate": "26"}, Band.MEDIUM),
        ({"consciousness": "U", "respiration_rate": "26", "pulse_bpm": "95"}, Band.HIGH),
    ],
)
def test_bands(given: dict, band: Band) -> None:
    assert score(inputs(**given)).band == band


def test_what_is_not_known_is_named_and_never_imputed() -> None:
    """H11."""
    found = score(inputs(respiration_rate=None, consciousness=None, spo2_pct="90"))
    assert found.missing == ("respiration_rate", "consciousness")
    assert (found.aggregate, found.band) == (None, None)
    assert "respiration_rate" not in found.scores
    assert found.scores["spo2"] == 3


def test_scale_2_without_oxygen_known_is_scored_only_where_it_makes_no_difference() -> None:
    """H11."""
    unknown = {"spo2_scale": 2, "supplemental_oxygen": None}
    assert "spo2" not in score(inputs(spo2_pct="95", **unknown)).scores
    assert score(inputs(spo2_pct="86", **unknown)).scores["spo2"] == 1


@pytest.mark.parametrize(
    "given",
    [
        {"spo2_scale": None},
        {"spo2_scale": 3},
        {"consciousness": "X"},
        {"pulse_bpm": "-1"},
        {"temperature_C": "NaN"},
        {"systolic_mmHg": "Infinity"},
        {"spo2_pct": "101"},
    ],
)
def test_what_cannot_be_is_an_error(given: dict) -> None:
    """H11: an unknown SpO2 scale is an error, never scale 1."""
    with pytest.raises(WrongInput):
        score(inputs(**given))


def test_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calm = {**CALM, "respiration_rate": 21, "spo2_pct": 93, "pulse_bpm": 95, "systolic_mmHg": 120}
    lines = [
        json.dumps({**calm, "temperature_C": 37.5}),
        json.dumps({**calm, "temperature_C": 38.05, "spo2_scale": None}),
        json.dumps({"pulse_bpm": 50, "supplemental_oxygen": None}),
        "{",
        "\x00",
        json.dumps({"pulse_bpm": "fast"}),
    ]
    file = tmp_path / "inputs.jsonl"
    file.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    assert main(["score", "news2", "--file", str(file)]) == 0
    full, no_scale, partial, *wrong = map(json.loads, capsys.readouterr().out.splitlines())
    assert full == {
        "scores": dict(zip(ORDER, (2, 2, 0, 0, 1, 0, 0), strict=True)),
        "aggregate": 5,
        "band": "medium",
    }
    assert set(no_scale) == {"error"}
    assert partial["partial"] is True
    assert partial["scores"] == {"pulse": 1}
    assert partial["missing"] == [name for name in CALM if name not in ("pulse_bpm", "spo2_scale")]
    assert [set(one) for one in wrong] == [{"error"}] * 3


def test_a_file_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", "news2", "--file", str(tmp_path / "none")]) == 1
    assert "none: No such file" in capsys.readouterr().err
