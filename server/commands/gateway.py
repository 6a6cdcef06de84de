"""``vicino-server gateway add|claim|configure|revoke``: who may speak to the broker.

``add`` registers the gateway with its CHC and gives it access. With ``--with-key`` it also makes
its key, for simulators and tests: the real box makes its own. ``claim`` prints the code by which
such a box becomes the gateway (``vicino-gateway enrol``); ``--request`` certifies a PEM signing
request that was brought here by hand.
"""

import argparse
import json
import os
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from contract.enrolment import new_code
from server import authority, settings
from server.broker import access
from server.errors import NotPermitted, SettingsError, WrongInput
from server.ports.store import Transaction
from server.services import configuring, enrolling
from server.services.setting_up import chc_of

Register = Callable[[str, str], None]
"""Record gateway and CHC in the store; twice the same is no error. Raises ``ServerError``."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    parser = subparsers.add_parser("gateway", help="give or take a gateway's access")
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="register gateways and give them access")
    add.add_argument("id", nargs="?", help="a-z, 0-9 and -, at most 63")
    add.add_argument("--chc", help="the Community Health Centre it belongs to")
    add.add_argument("--file", type=Path, help="many at once: 'ID CHC' a line, one reload")
    keys = add.add_mutually_exclusive_group()
    keys.add_argument("--with-key", type=Path, metavar="DIR", help="make key and bundle in DIR")
    keys.add_argument("--request", type=Path, metavar="FILE", help="print a certificate for this")
    claim = actions.add_parser("claim", help="print a claim code for one new box, good for a day")
    claim.add_argument("id", help="a-z, 0-9 and -, at most 63")
    claim.add_argument("--chc", required=True, help="the Community Health Centre it belongs to")
    configure = actions.add_parser(
        "configure", help="give a gateway settings: heartbeat_seconds, devices, models, zone"
    )
    configure.add_argument("id")
    configure.add_argument(
        "--file", type=Path, required=True, metavar="TOML", help="in the place of all given before"
    )
    revoke = actions.add_parser("revoke", help="take a gateway's access for good")
    revoke.add_argument("id")
    for action in (add, claim, configure, revoke):
        action.add_argument("--settings", type=Path, required=True, metavar="FILE")


def run(args: argparse.Namespace, register: Register) -> int:
    """Do what the command line says."""
    chosen = settings.load(args.settings, os.environ)
    if args.action == "revoke":
        access.revoke(chosen, args.id)
        return 0
    members = _members(args)
    for gateway, _ in members:
        access.check_id(gateway)
    # Registered first: what comes from a gateway with access must never be from nobody.
    for gateway, chc in members:
        register(gateway, chc)
    now = datetime.now(UTC)
    if args.with_key is not None:
        for gateway, _ in members:
            folder = args.with_key / gateway if args.file else args.with_key
            write_bundle(chosen, gateway, folder, now)
    access.admit(chosen, [gateway for gateway, _ in members])
    if args.request is not None:
        request = args.request.read_bytes()
        signed = authority.sign_request(chosen.keys_dir, members[0][0], request, now)
        print(signed.decode(), end="")
    return 0


def configure(args: argparse.Namespace, tx: Transaction, now: int) -> int:
    """Give a gateway settings, and return their version. Raises ``WrongInput``, ``NotFound``."""
    try:
        given = tomllib.loads(args.file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WrongInput(f"{args.file}: {error}") from error
    return configuring.configure(tx, args.id, given, "command line", now)


def claim(args: argparse.Namespace, tx: Transaction, now: int) -> str:
    """Make a claim code, and return it. Raises ``WrongInput``."""
    code = new_code()
    chc = chc_of(tx, args.chc)
    enrolling.make_claim(tx, args.id, chc.id, code, by="command line", now=now)
    return code


def write_bundle(chosen: settings.Settings, gateway: str, folder: Path, now: datetime) -> None:
    """Write all that ``vicino-gateway run --settings FOLDER/gateway.toml`` needs.

    Raises ``SettingsError`` when a bundle is there already.
    """
    folder = folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    issued = authority.issue_gateway(chosen.keys_dir, gateway, now)
    authority.write_new(folder / "gateway.key", issued.key)
    authority.write_new(folder / "gateway.crt", issued.certificate, 0o644)
    authority.write_new(folder / "ca.crt", (chosen.keys_dir / "ca.crt").read_bytes(), 0o644)
    keys = {
        "gateway": gateway,
        "broker": chosen.gateway_broker,
        "ca_file": str(folder / "ca.crt"),
        "certificate_file": str(folder / "gateway.crt"),
        "key_file": str(folder / "gateway.key"),
        "state_dir": str(folder / "state"),
    }
    # A JSON string is a TOML basic string.
    lines = "".join(
        f"{key} = {json.dumps(text, ensure_ascii=False)}\n" for key, text in keys.items()
    )
    authority.write_new(folder / "gateway.toml", lines.encode(), 0o644)


def _members(args: argparse.Namespace) -> Sequence[tuple[str, str]]:
    """Return gateway and CHC of each gateway that is to be added."""
    if args.file is None:
        if not (args.id and args.chc):
            raise NotPermitted("gateway add: an id and --chc, or --file, is needed")
        return [(args.id, args.chc)]
    if args.id or args.chc or args.request:
        raise NotPermitted("gateway add: --file goes without id, --chc and --request")
    members = []
    for number, line in enumerate(args.file.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split(maxsplit=1)
        if len(words) != 2:
            raise SettingsError(f"{args.file}:{number}: expected 'ID CHC', got {line[:80]!r}")
        members.append((words[0], words[1]))
    return members
