"""A wrong settings file stops at start with file, key and reason."""

import pytest

from gateway.__main__ import main
from gateway.errors import SettingsError
from gateway.settings import home_zone, load

GOOD = """
gateway = "gw-001"
broker = "mqtts://broker.example:8883"
ca_file = "{keys}/ca.crt"
certificate_file = "{keys}/gw-001.crt"
key_file = "{keys}/gw-001.key"
state_dir = "state"
"""


@pytest.fixture
def good(keys):
    return GOOD.format(keys=keys)


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "gateway.toml"
        path.write_text(text)
        return path

    return write


def test_a_good_file_loads_with_its_defaults_and_relative_paths(good, written, tmp_path):
    settings = load(written(good), {})
    assert settings.broker_address == ("broker.example", 8883)
    assert settings.state_dir == tmp_path / "state"
    assert settings.prompt_command is None
    assert (settings.radio, settings.heartbeat_seconds, settings.devices) == ("bluez", 60, [])


def test_the_environment_overrides_the_file(good, written):
    environment = {
        "VICINO_GATEWAY_HEARTBEAT_SECONDS": "5",
        "VICINO_GATEWAY_RADIO": "hci:usb:0",
        "VICINO_GATEWAY_DEVICES": "C0:00:00:00:00:01, C0:00:00:00:00:02",
    }
    settings = load(written(good), environment)
    assert settings.heartbeat_seconds == 5
    assert settings.radio == "hci:usb:0"
    assert settings.devices == ["C0:00:00:00:00:01", "C0:00:00:00:00:02"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("gw-001", "GW 1"), "gateway"),
        (("mqtts:", "mqtt:"), "broker"),
        ((":8883", ":99999"), "broker"),
        (("state_dir", "state_directory"), "state_dir"),
        (("ca.crt", "gone.crt"), "ca_file"),
        (("ca.crt", "gw-001.key"), "ca_file"),
        (("gw-001.key", "server.key"), "key_file"),
        (('state_dir = "state"', 'state_dir = "state"\nheartbeat_seconds = 0'), "heartbeat"),
        (('state_dir = "state"', 'state_dir = "state"\nradio = "wifi"'), "radio"),
        (('state_dir = "state"', 'state_dir = "state"\ndevices = ["x"]'), "devices"),
        (('state_dir = "state"', 'state_dir = "state"\nshiny = 1'), "shiny"),
        (('gateway = "', "gateway = "), "gateway.toml"),
        (('state_dir = "state"', 'state_dir = "state"\nprompt_command = "ask"'), "absolute"),
        (('state_dir = "state"', 'state_dir = "state"\nprompt_command = "/etc"'), "prompt_command"),
        (
            ('state_dir = "state"', 'state_dir = "state"\nprompt_command = "/etc/passwd"'),
            "no program",
        ),
    ],
)
def test_a_wrong_file_stops_with_exit_2_and_says_what(good, written, capsys, change, said):
    path = written(good.replace(*change))
    with pytest.raises(SettingsError, match=said):
        load(path, {})
    assert main(["run", "--settings", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_a_missing_file_stops_too(tmp_path, capsys):
    assert main(["run", "--settings", str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err


def test_a_device_is_given_a_model_by_its_address(good, written):
    models = '[models]\n"C0:00:00:00:00:01" = "omron_hem_7361t"\n'
    assert load(written(good + models), {}).models == {"C0:00:00:00:00:01": "omron_hem_7361t"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('"C0:00:00:00:00:01" = "omron_hem_0000t"', "no profile 'omron_hem_0000t'"),
        ('"c0:00" = "omron_hem_7361t"', "models"),
    ],
)
def test_a_model_that_is_not_known_is_a_wrong_setting(good, written, line, said):
    with pytest.raises(SettingsError, match=said):
        load(written(f"{good}[models]\n{line}\n"), {})


def test_the_homes_zone_is_told_or_no_clock_is_set(good, written):
    assert home_zone(load(written(good), {})) is None
    assert home_zone(load(written(f'{good}zone = "Europe/Rome"'), {})).key == "Europe/Rome"


@pytest.mark.parametrize("zone", ["Europe/Susa", "Europe", "../etc", ""])
def test_a_zone_that_is_none_is_a_wrong_setting(good, written, zone):
    with pytest.raises(SettingsError, match="no zone"):
        load(written(f'{good}zone = "{zone}"'), {})
