"""The corpus of device profiles, tested as one."""

from pathlib import Path

import pytest
from bleak.uuids import normalize_uuid_str

from contract.profiles import ProfileError, parse, profiles
from gateway.ble import recognise
from gateway.codecs import BY_CHARACTERISTIC, CODECS, CONTEXTS, VENDOR
from tests.gateway.vectors import load

NAMES = sorted(profiles())
FOLDER = Path(__file__).parent.parent.parent / "device_profiles"
WITH_VECTOR = {vector["uuid"].lower() for vector in load("decode.toml", "vector")}


def test_every_file_is_a_profile_and_nothing_else_lies_there():
    assert sorted(path.stem for path in FOLDER.iterdir()) == NAMES
    assert {path.suffix for path in FOLDER.iterdir()} == {".toml"}


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_names_codecs_that_exist_and_fit_their_characteristic(name):
    for source in profiles()[name].measurement:
        codecs = CODECS | CONTEXTS
        assert source.codec in codecs
        known = BY_CHARACTERISTIC.get(source.characteristic_uuid)
        assert known in (None, codecs[source.codec])


@pytest.mark.parametrize("name", NAMES)
def test_what_belongs_to_another_value_names_one_of_the_same_profile(name):
    sources = profiles()[name].measurement
    own = {source.characteristic_uuid for source in sources if source.codec in CODECS}
    assert {source.beside for source in sources} <= own | {None}
    assert all(source.beside for source in sources if source.codec in CONTEXTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_s_characteristics_have_a_vector(name):
    sources = profiles()[name].measurement
    assert {s.codec if s.codec in VENDOR else s.characteristic_uuid for s in sources} <= WITH_VECTOR


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_recognises_its_own_device_before_a_more_general_one(name):
    asked = profiles()[name].advertisement
    services, data = (
        [normalize_uuid_str(uuid)] if uuid else []
        for uuid in (asked.service_uuid, asked.service_data_uuid)
    )
    local_name = (asked.local_name or "anything").removesuffix("*")
    others = {other: profile for other, profile in profiles().items() if other != name}
    for some in (
        profiles(),
        {name: profiles()[name], **others},
        {**others, name: profiles()[name]},
    ):
        assert recognise(some, local_name, services, data) == name


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
