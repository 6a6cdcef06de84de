"""``vicino-gateway decode`` as a user runs it."""

import json
from decimal import Decimal

import pytest

from gateway.__main__ import main
from tests.gateway.vectors import load

VECTORS = load("decode.toml", "vector")
ERRORS = load("decode.toml", "error")


def parsed(text):
    """Keep the digits: 36.40 is not 36.4."""
    return json.loads(text, parse_float=lambda digits: ("number", digits))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["source"])
def test_a_value_prints_what_its_source_says(vector, capsys):
    assert main(["decode", vector["uuid"], vector["hex"]]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.count("\n") == 1
    assert parsed(printed.out) == parsed(vector["json"])


@pytest.mark.parametrize("vector", ERRORS, ids=lambda v: v["source"])
def test_what_cannot_be_read_is_one_line_and_exit_1(vector, capsys):
    assert main(["decode", vector["uuid"], vector["hex"]]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("offset ")


@pytest.mark.parametrize("spelling", ["2a37", "0x2A37"])
def test_the_characteristic_may_be_spelt_either_way(spelling, capsys):
    assert main(["decode", spelling, "0055"]) == 0
    assert json.loads(capsys.readouterr().out) == {"heart_rate_bpm": 85}


@pytest.mark.parametrize("spelling", ["SFLOAT", "sfloat"])
def test_a_number_by_itself_may_be_spelt_either_way(spelling, capsys):
    assert main(["decode", spelling, "7200"]) == 0
    assert json.loads(capsys.readouterr().out) == {"value": 114}


@pytest.mark.parametrize(("uuid", "value"), [("2A37", "005"), ("2A37", "zz"), ("2B00", "00")])
def test_no_hex_or_no_known_characteristic_is_an_error_too(uuid, value, capsys):
    assert main(["decode", uuid, value]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_gives_one_json_line_for_each_of_its_lines(tmp_path, capsys):
    path = tmp_path / "values"
    lines = [f"{v['uuid']} {v['hex']}" for v in VECTORS + ERRORS]
    path.write_text("\n".join(lines) + "\n")
    assert main(["decode", "--file", str(path)]) == 1  # some are wrong
    printed = [
        json.loads(line, parse_float=Decimal) for line in capsys.readouterr().out.split("\n")[:-1]
    ]
    assert len(printed) == len(lines)
    assert ["error" in line for line in printed] == [False] * len(VECTORS) + [True] * len(ERRORS)
    path.write_text("\n".join(lines[: len(VECTORS)]) + "\n")
    assert main(["decode", "--file", str(path)]) == 0
