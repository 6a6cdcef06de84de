"""``vicino-server init`` and ``gateway add|revoke``, as an administrator types them."""

import argparse
import subprocess
import tomllib
from pathlib import Path
from uuid import uuid4

import pytest

from server.broker import access
from server.commands import gateway, init
from server.errors import NotFound, NotPermitted, SettingsError
from server.settings import load

pytestmark = [pytest.mark.broker, pytest.mark.processes]


class Store:
    """Remembers who was registered; knows one CHC."""

    def __init__(self) -> None:
        self.registered: list[tuple[str, str]] = []

    def register(self, name: str, chc: str) -> None:
        if chc != "chc-1":
            raise NotFound(f"CHC {chc}: there is none")
        self.registered.append((name, chc))


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def run(tmp_path, store):
    file = tmp_path / "server.toml"
    file.write_text('data_dir = "data"\n')

    def run(*words: str) -> int:
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers(dest="command")
        init.add_parser(commands)
        gateway.add_parser(commands)
        args = parser.parse_args([*words, "--settings", str(file)])
        return init.run(args) if args.command == "init" else gateway.run(args, store.register)

    run("init")
    return run


def test_init_again_keeps_every_file(run, tmp_path):
    keys = tmp_path / "data" / "keys"
    before = {file: file.read_bytes() for file in keys.iterdir()}
    assert run("init") == 0
    assert {file: file.read_bytes() for file in keys.iterdir()} == before


def test_a_bundle_is_all_a_gateway_needs(run, tmp_path, store):
    folder = tmp_path / "bundle"
    assert run("gateway", "add", "gw-001", "--chc", "chc-1", "--with-key", str(folder)) == 0
    keys = tomllib.loads((folder / "gateway.toml").read_text())
    assert keys["gateway"] == "gw-001"
    assert keys["broker"] == "mqtts://127.0.0.1:8883"
    for name in ("ca_file", "certificate_file", "key_file"):
        assert keys[name].startswith(str(folder))
        assert Path(keys[name]).read_text().startswith("-----BEGIN")
    assert (folder / "gateway.key").stat().st_mode & 0o777 == 0o600
    assert store.registered == [("gw-001", "chc-1")]
    assert "gw-001 active\n" in (tmp_path / "data" / "broker" / "access.txt").read_text()
    with pytest.raises(SettingsError, match="never overwritten"):
        run("gateway", "add", "gw-001", "--chc", "chc-1", "--with-key", str(folder))


def test_many_are_added_from_a_file(run, tmp_path, store):
    listed = tmp_path / "gateways"
    listed.write_text("".join(f"gw-{number:03} chc-1\n" for number in range(20)))
    run("gateway", "add", "--file", str(listed), "--with-key", str(tmp_path / "bundles"))
    assert len(store.registered) == 20
    assert len(list((tmp_path / "bundles").glob("*/gateway.toml"))) == 20
    assert "vicino.1.gw-019.up" in (tmp_path / "data" / "broker" / "nats.conf").read_text()


def test_a_wrong_line_names_its_number_and_adds_nobody(run, tmp_path, store):
    listed = tmp_path / "gateways"
    listed.write_text("gw-001 chc-1\ngw-002\n")
    with pytest.raises(SettingsError, match=":2:"):
        run("gateway", "add", "--file", str(listed))
    assert store.registered == []


def test_an_unknown_chc_gives_no_access(run, tmp_path):
    with pytest.raises(NotFound):
        run("gateway", "add", "gw-001", "--chc", "chc-2")
    assert not (tmp_path / "data" / "broker" / "access.txt").exists()


def test_the_box_may_keep_its_key(run, tmp_path, capsys):
    key, request = tmp_path / "own.key", tmp_path / "own.csr"
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=box"],
        check=True, capture_output=True,
    )  # fmt: skip
    capsys.readouterr()
    run("gateway", "add", "gw-001", "--chc", "chc-1", "--request", str(request))
    assert capsys.readouterr().out.startswith("-----BEGIN CERTIFICATE-----")


def test_a_revoked_id_is_never_given_again(run):
    run("gateway", "add", "gw-001", "--chc", "chc-1")
    run("gateway", "revoke", "gw-001")
    with pytest.raises(NotPermitted, match="revoked"):
        run("gateway", "add", "gw-001", "--chc", "chc-1")


@pytest.mark.parametrize("words", [["gw-001"], ["--chc", "chc-1"], []])
def test_half_a_request_is_refused(run, words):
    with pytest.raises(NotPermitted):
        run("gateway", "add", *words)


def test_a_bundle_from_the_command_connects(broker, tmp_path, wait_until):
    folder = tmp_path / "bundle"
    gateway.write_bundle(broker.settings, "gw-001", folder, init.datetime.now(init.UTC))
    (broker.home / "gw-b.key").write_bytes((folder / "gateway.key").read_bytes())
    (broker.home / "gw-b.crt").write_bytes((folder / "gateway.crt").read_bytes())
    intake = broker.intake()
    box = broker.client("gw-b", f"gw-001-{uuid4().hex}").connect()
    assert box.publish("vicino/1/gw-001/up", b"x")
    assert wait_until(lambda: len(intake.received) == 1)


def test_settings_and_access_agree_on_the_folder(run, tmp_path):
    chosen = load(tmp_path / "server.toml", {})
    assert access.configuration(chosen).parent == tmp_path / "data" / "broker"
