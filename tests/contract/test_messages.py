"""The wire, pinned: golden files decode, encode back to the same JSON, and stay as published."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract import asyncapi
from contract.messages import (
    Birth,
    Down,
    Measurements,
    Quantity,
    Up,
    element_decoder,
    encoder,
    up_decoder,
)

GOLDEN = sorted(Path(__file__).parent.joinpath("golden").glob("*.json"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_file_survives_decoding_and_encoding(path: Path) -> None:
    wanted = json.loads(path.read_text(encoding="utf-8"))
    message: Any = msgspec.json.decode(json.dumps(wanted), type=Up | Down)
    if isinstance(message, Measurements):
        elements = [element_decoder.decode(raw) for raw in message.measurements]
        written = [json.loads(encoder.encode(element)) for element in elements]
        for one in wanted["measurements"]:  # an empty list of flags is not sent
            if not one.get("flags", True):
                del one["flags"]
        assert written == wanted["measurements"]
    else:
        assert json.loads(encoder.encode(message)) == wanted


def test_the_golden_files_show_every_message() -> None:
    assert {path.name.partition(".")[0] for path in GOLDEN} == {
        "birth", "measurements", "heartbeat", "will",
        "receipt", "refused", "configuration", "command",
    }  # fmt: skip


def test_an_unknown_field_is_ignored() -> None:
    wanted = json.loads((GOLDEN[0].parent / "birth.json").read_text(encoding="utf-8"))
    assert up_decoder.decode(json.dumps({**wanted, "mood": "fine"}))


def test_a_birth_of_before_kept_from_says_that_nothing_was_forgotten() -> None:
    wanted = json.loads((GOLDEN[0].parent / "birth.json").read_text(encoding="utf-8"))
    del wanted["kept_from"]
    birth = up_decoder.decode(json.dumps(wanted))
    assert isinstance(birth, Birth)
    assert birth.kept_from == 1


def test_a_birth_of_before_prompts_says_that_the_home_cannot_be_asked() -> None:
    birth = up_decoder.decode((GOLDEN[0].parent / "birth.json").read_bytes())
    assert isinstance(birth, Birth)
    assert not birth.prompts


@pytest.mark.parametrize(
    "more", [{"name": "measure-again"}, {"name": "heartbeat-now", "code": "x"}]
)
def test_measure_again_and_nothing_else_names_a_code(more: dict[str, str]) -> None:
    wanted = json.loads((GOLDEN[0].parent / "command.json").read_text(encoding="utf-8"))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**wanted, **more}, Down)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"value": "1", "absent": "error"},
        {"value": "1", "above": "1"},
        {"value": "NaN"},
        {"value": "Infinity"},
        {"value": "1e3"},
        {"value": "device-range"},
        {"value": " 1"},
        {"above": "much"},
        {"value": "1234567890"},
    ],
    ids=str,
)
def test_a_quantity_that_says_nothing_or_no_number_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"code": "weight", "unit": "kg", **said}, Quantity)


@pytest.mark.parametrize("gateway", ["", "A", "a" * 64, "a/b", "a b", "é", "a.b", "+", "#", "*"])
def test_a_gateway_id_is_plain(gateway: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(
            {"type": "will", "gateway": gateway, "epoch": "0" * 32, "seq": 1, "session": "0" * 32},
            Up,
        )


def test_the_published_description_is_fresh() -> None:
    published = Path(__file__).parents[2] / asyncapi.PUBLISHED
    assert published.read_text(encoding="utf-8") == asyncapi.text()
