"""The corpus of device profiles, tested as one."""

from pathlib import Path

import pytest

from contract import devices
from contract.profiles import ProfileError, parse, profiles
from gateway.ble import recognise
from gateway.codecs import VENDOR
from gateway.profile_check import problems
from tests.gateway.vectors import load

NAMES = sorted(profiles())
FOLDER = Path(__file__).parent.parent.parent / "device_profiles"
WITH_VECTOR = {vector["uuid"].lower() for vector in load("decode.toml", "vector")}


def test_every_file_is_a_profile_and_nothing_else_lies_there():
    assert sorted(path.stem for path in FOLDER.iterdir()) == NAMES
    assert {path.suffix for path in FOLDER.iterdir()} == {".toml"}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wrong_with_a_profile(name):
    """Its codecs exist and fit, and no other profile matches its device as well."""
    assert problems(name, profiles()[name], profiles()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_s_characteristics_have_a_vector(name):
    sources = profiles()[name].measurement
    assert {s.codec if s.codec in VENDOR else s.characteristic_uuid for s in sources} <= WITH_VECTOR


def test_a_name_without_its_service_is_not_enough():
    assert recognise(profiles(), "Vicino cuff", []) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('model = "x"', "vendor"),
        ('model = "x"\nshiny = 1', "shiny"),
        ("not toml", "x.toml"),
    ],
)
def test_a_wrong_profile_says_which_file_and_which_key(text, said):
    with pytest.raises(ProfileError, match=said):
        parse("x", text)


def test_the_readme_s_table_is_fresh_and_shows_every_device():
    readme = (FOLDER.parent / "README.md").read_text("utf-8")
    assert devices.written(readme) == readme
    assert devices.table().count("\n") == 2 + sum(not name.startswith("vicino_") for name in NAMES)
