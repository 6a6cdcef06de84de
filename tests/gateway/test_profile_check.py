"""``vicino-gateway profile check FILE``: what is wrong is said, with the file's name."""

import pytest

from gateway.__main__ import main

PROFILE = """
model = "BP-100"
vendor = "Example"
kind = "blood-pressure-monitor"
evidence = "bytes tested"
[advertisement]
service_uuid = "1810"
local_name = "BP-100*"
[[measurement]]
characteristic_uuid = "2a35"
codec = "blood-pressure"
delivery = "indicate"
"""


@pytest.fixture
def check(tmp_path, capsys):
    def checked(text):
        path = tmp_path / "example_bp100.toml"
        path.write_text(text)
        status = main(["profile", "check", str(path)])
        said = capsys.readouterr()
        assert str(path) in said.out + said.err
        return status, said.out + said.err

    return checked


def test_a_good_profile_can_be_used(check):
    assert check(PROFILE) == (0, check(PROFILE)[1])
    assert "can be used" in check(PROFILE)[1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('blood-pressure"\ndel', 'bloodpressure"\ndel', "no codec 'bloodpressure'"),
        ('codec = "blood-pressure"', 'codec = "weight"', "of another characteristic"),
        ('local_name = "BP-100*"', "", "taken for generic_blood_pressure"),
        ("2a35", "00002a3500001000800000805f9b34fb", "write 2a35"),
        ('delivery = "indicate"', 'delivery = "indicate"\nbeside = "2a9d"', "does not read"),
        ('codec = "blood-pressure"', 'codec = "glucose-context"', "what it belongs to"),
        ("BP-100*", "A&D_UA-651BLE*", "taken for and_ua651ble"),
        ('kind = "blood-pressure-monitor"', 'kind = "toaster"', "kind"),
        ("evidence", "evidense", "evidense"),
    ],
)
def test_what_is_wrong_is_said(check, old, new, said):
    assert old in PROFILE
    status, output = check(PROFILE.replace(old, new))
    assert status == 1
    assert said in output


def test_a_file_that_is_not_there_is_said(check, tmp_path, capsys):
    assert main(["profile", "check", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err
