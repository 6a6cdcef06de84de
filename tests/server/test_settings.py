from pathlib import Path

import pytest

from server.errors import SettingsError
from server.settings import load

INFLUX = (
    '[influx]\nurl = "http://127.0.0.1:8086"\ntoken = "secret"\norg = "chc"\nbucket = "vitals"\n'
)
SMTP = '[smtp]\nhost = "mx.example"\nsender = "vicino@chc.example"\n'


def _file(folder: Path, text: str) -> Path:
    file = folder / "server.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_data_folder_alone_is_enough(tmp_path):
    settings = load(_file(tmp_path, 'data_dir = "data"'), {})
    assert settings.data_dir == tmp_path / "data"
    assert settings.database == f"sqlite:///{tmp_path}/data/vicino.db"
    assert settings.embedded_broker
    assert settings.gateway_broker == "mqtts://127.0.0.1:8883"
    assert settings.broker_address == ("127.0.0.1", 8883)
    assert settings.page_url == "http://127.0.0.1:8080"
    assert settings.keys_dir == tmp_path / "data" / "keys"


def test_the_environment_overrides_the_file(tmp_path):
    environment = {
        "VICINO_DATA_DIR": "/srv/vicino",
        "VICINO_HTTP_PORT": "9000",
        "VICINO_INFLUX_TOKEN": "12345",
        "VICINO_STATE_DIR": "the gateway's, not ours",
    }
    settings = load(_file(tmp_path, f'data_dir = "data"\n{INFLUX}'), environment)
    assert settings.data_dir == Path("/srv/vicino")
    assert settings.http_port == 9000
    assert settings.influx is not None
    assert settings.influx.token == "12345"


def test_the_replica_may_come_from_the_environment_alone(tmp_path):
    names = ("URL", "TOKEN", "ORG", "BUCKET")
    environment = {f"VICINO_INFLUX_{name}": "http://influx" for name in names}
    settings = load(_file(tmp_path, 'data_dir = "data"'), environment)
    assert settings.influx is not None
    assert settings.influx.bucket == "http://influx"


def test_secrets_stay_out_of_logs(tmp_path):
    text = f'data_dir = "d"\ndatabase = "postgresql+psycopg://u:hush@h/v"\n{INFLUX}'
    settings = load(_file(tmp_path, text), {})
    assert "hush" not in repr(settings)
    assert "secret" not in repr(settings.influx)


def test_the_password_of_the_mail_server_is_read_from_its_file_anew_each_time(tmp_path):
    (tmp_path / "mail").write_text("first\n")
    text = f'data_dir = "data"\n{SMTP}user = "u"\npassword_file = "mail"'
    settings = load(_file(tmp_path, text), {"VICINO_SMTP_PORT": "465", "VICINO_SMTP_TLS": "tls"})
    assert settings.smtp is not None
    assert (settings.smtp.port, settings.smtp.tls) == (465, "tls")
    assert settings.smtp.password() == "first"
    (tmp_path / "mail").write_text("second")
    assert settings.smtp.password() == "second"


def test_a_password_is_not_sent_in_the_clear(tmp_path):
    (tmp_path / "mail").write_text("first")
    text = f'data_dir = "data"\n{SMTP}user = "u"\npassword_file = "mail"\ntls = "none"'
    with pytest.raises(SettingsError, match="in the clear"):
        load(_file(tmp_path, text), {})


def test_a_list_comes_from_a_variable_with_commas(tmp_path):
    file = _file(tmp_path, 'data_dir = "data"')
    assert load(file, {"VICINO_APPRISE_SCHEMAS": "ntfys,tgram"}).apprise_schemas == [
        "ntfys",
        "tgram",
    ]


def test_other_addresses_are_served_with_tls(tmp_path):
    (tmp_path / "page.crt").touch()
    (tmp_path / "page.key").touch()
    text = 'tls_certificate = "page.crt"\ntls_key = "page.key"\nhttp_host = "0.0.0.0"'
    settings = load(_file(tmp_path, f'data_dir = "data"\n{text}'), {})
    assert settings.page_url == "https://0.0.0.0:8080"


def test_intake_reaches_a_broker_that_listens_everywhere(tmp_path):
    text = 'data_dir = "d"\nbroker_host = "0.0.0.0"\nbroker_name = "broker.example"'
    settings = load(_file(tmp_path, text), {})
    assert settings.broker_address == ("127.0.0.1", 8883)
    assert settings.gateway_broker == "mqtts://broker.example:8883"


def test_another_broker_is_named_by_its_address(tmp_path):
    settings = load(_file(tmp_path, 'data_dir = "d"\nbroker = "mqtts://mq.example"'), {})
    assert not settings.embedded_broker
    assert settings.broker_address == ("mq.example", 8883)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "data_dir"),
        ("data_dir = 7", "data_dir"),
        ('data_dir = ""', "data_dir"),
        ('data_dir = "d', "Unterminated"),
        ('data_dir = "d"\ndata_dri = "e"', "data_dri"),
        ('data_dir = "d"\nhttp_port = 70000', "http_port"),
        ('data_dir = "d"\nhttp_port = "8080"', "http_port"),
        ('data_dir = "d"\nhttp_host = "0.0.0.0"', "tls_certificate"),
        ('data_dir = "d"\nhttp_host = "vicino.example"', "tls_certificate"),
        ('data_dir = "d"\ntls_key = "page.key"', "one needs the other"),
        ('data_dir = "d"\ntls_key = "a"\ntls_certificate = "b"', "no file"),
        ('data_dir = "d"\nbroker = "mqtt://mq.example"', "broker"),
        ('data_dir = "d"\nbroker_host = "0.0.0.0"', "broker_name"),
        ('data_dir = "d"\ndatabase = "mysql://h/v"', "database"),
        ('data_dir = "d"\npublic_url = "vicino.example"', "public_url"),
        ('data_dir = "d"\n[influx]\nurl = "http://h"', "influx"),
        (f'data_dir = "d"\n{INFLUX}user = "x"', "user"),
        ('data_dir = "d"\n[smtp]\nhost = "mx"', "sender"),
        ('data_dir = "d"\n[smtp]\nhost = "mx"\nsender = "A <a@b.c>"', "smtp.sender"),
        (f'data_dir = "d"\n{SMTP}tls = "maybe"', "smtp.tls"),
        (f'data_dir = "d"\n{SMTP}user = "u"', "one needs the other"),
        (f'data_dir = "d"\n{SMTP}user = "u"\npassword_file = "none"', "no file"),
        ('data_dir = "d"\napprise_schemas = "ntfys"', "apprise_schemas"),
    ],
)
def test_a_wrong_file_is_refused_naming_file_and_key(tmp_path, text, reason):
    file = _file(tmp_path, text)
    with pytest.raises(SettingsError) as error:
        load(file, {})
    assert str(file) in str(error.value)
    assert reason in str(error.value)


def test_a_wrong_variable_is_refused_by_name(tmp_path):
    with pytest.raises(SettingsError, match="VICINO_HTTP_PORT"):
        load(_file(tmp_path, 'data_dir = "d"'), {"VICINO_HTTP_PORT": "many"})


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml"):
        load(tmp_path / "none.toml", {})
