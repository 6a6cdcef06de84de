"""The command line: parses, and tells ``app`` what to do."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from contract.profiles import ProfileError, parse, profiles
from gateway import settings
from gateway.errors import (
    GatewayError,
    NotNow,
    OutboxUnavailable,
    Refused,
    ServerUnavailable,
    SettingsError,
    WrongData,
)
from gateway.export import export
from gateway.heartbeat import Status, read_status
from gateway.observe import print_line

_DEFAULT_SETTINGS = Path("/etc/vicino/gateway.toml")
_DEFAULT_STATE = Path("/var/lib/vicino-gateway")
# The server tells nobody why it refuses: who guesses codes would learn from it.
_ADVICE: dict[type[Exception], str] = {
    Refused: """Nothing was set up. A code is for one box, once, within 24 hours; after many
wrong ones the server listens to nobody of this address for ten minutes. Look at the server's
address and at the code. Make a new code on the server's page of gateways if in doubt.
""",
    ServerUnavailable: """Nothing was set up. Look at the server's address and the box's network,
then give the same command again.
""",
}
_RADIO = """Run the gateway. Its settings say which radio it uses: radio = "bluez" is the adapter
that BlueZ has (what a Raspberry Pi needs); radio = "hci:usb:0" the first plain USB dongle, without
BlueZ, "hci:usb:0a12:0001" the one of that vendor and product; see docs/radio.md."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 done, 1 not possible, 2 wrong settings."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vicino-gateway", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run the gateway", description=_RADIO)
    run.set_defaults(run=_run)
    status = commands.add_parser("status", help="say how the gateway is")
    status.add_argument("--json", action="store_true", help="as one JSON object")
    status.set_defaults(run=_status)
    read_out = commands.add_parser("export", help="read out what the box still holds, as CSV")
    read_out.set_defaults(run=_export)
    decode = commands.add_parser("decode", help="say what the bytes of a characteristic mean")
    what = "2A35, a codec's name for a maker's own format, or SFLOAT or FLOAT for a number"
    decode.add_argument("uuid", nargs="?", metavar="UUID16", help=what)
    decode.add_argument("hex", nargs="?", metavar="HEX", help="its value, in the order on air")
    decode.add_argument(
        "--file", type=Path, help="read one 'UUID16 HEX' a line; exit 1 if any is wrong"
    )
    decode.set_defaults(run=_decode, parser=decode)
    pair = commands.add_parser("pair", help="make a device this box's: press its pairing button")
    pair.add_argument("address", type=str.upper, metavar="ADDRESS", help="as AA:BB:CC:DD:EE:FF")
    pair.set_defaults(run=_pair)
    sniff = commands.add_parser("sniff", help="record what a device says, for who adds one")
    sniff.add_argument("address", type=str.upper, metavar="ADDRESS", help="as AA:BB:CC:DD:EE:FF")
    sniff.add_argument("--output", type=Path, required=True, metavar="FILE", help="a new TOML file")
    sniff.add_argument("--profile", type=Path, metavar="FILE", help="bond and start as it says")
    sniff.add_argument("--seconds", type=float, default=60.0, metavar="N", help="60 if left out")
    sniff.set_defaults(run=_sniff)
    joining = commands.add_parser("enrol", help="make this box a gateway by a claim code")
    joining.add_argument("server", metavar="SERVER-URL", help="as https://vicino.example")
    joining.add_argument("code", metavar="CODE", help="from the server's page of gateways")
    joining.add_argument("--state-dir", type=Path, default=_DEFAULT_STATE, metavar="DIR")
    joining.set_defaults(run=_enrol)
    profile = commands.add_parser("profile", help="work on device profiles")
    actions = profile.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("check", help="say what is wrong with a profile")
    check.add_argument("file", type=Path, metavar="FILE", help="a TOML file, one device model")
    check.set_defaults(run=_check_profile)
    for command in (run, status, read_out, pair, sniff, joining):
        command.add_argument("--settings", type=Path, default=_DEFAULT_SETTINGS, metavar="FILE")
    return parser


def _run(options: argparse.Namespace) -> int:
    from gateway import app  # only ``run`` needs the radio and the broker

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    try:
        app.run(settings.load(options.settings))
    except OutboxUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _enrol(options: argparse.Namespace) -> int:
    from gateway.enrolment import Place, enrol, key_mark

    place = Place(options.settings, options.state_dir)
    try:
        gateway = enrol(place, options.server, options.code)
    except (GatewayError, OSError) as error:
        print(error, file=sys.stderr)
        print(_ADVICE.get(type(error), ""), end="", file=sys.stderr)
        return 2 if isinstance(error, SettingsError) else 1
    print(f"This box is gateway {gateway} now.")
    print(f"Its key begins with {key_mark(place)}: the server's page of this gateway must say so.")
    print("Start it: systemctl enable --now vicino-gateway")
    return 0


def _export(options: argparse.Namespace) -> int:
    outbox = settings.load(options.settings).state_dir / "outbox.db"
    try:
        count = export(outbox, sys.stdout)
    except OutboxUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{count} measurements; what the server has stored is no longer here", file=sys.stderr)
    return 0


def _status(options: argparse.Namespace) -> int:
    loaded = settings.load(options.settings)
    status = read_status(loaded.state_dir)
    if status is None:
        print(f"{loaded.state_dir}: no gateway has run on this state yet", file=sys.stderr)
        return 1
    running = status.is_running
    if options.json:
        print(msgspec.json.encode({"running": running, **msgspec.structs.asdict(status)}).decode())
    else:
        print(_told(status, running=running))
    return 0 if running else 1


def _told(status: Status, *, running: bool) -> str:
    """Say it for people, one thing a line; times in UTC."""
    last = status.last_measurement_at
    lines = {
        "gateway": f"{status.gateway}, {'running' if running else 'NOT running'}",
        "outbox": f"{status.outbox_depth} waiting, {status.set_aside} set aside",
        "last measurement": "none yet" if last is None else _instant(last),
        "receipted": f"{status.receipted} of {status.stored}, receipts are {status.receipts}",
        "broker": status.broker,
        "radio": status.radio,
        "clock": status.clock,
        "as of": _instant(status.written_at),
    }
    return "\n".join(f"{name:17} {text}" for name, text in lines.items())


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ", timespec="seconds")


def _pair(options: argparse.Namespace) -> int:
    from gateway.ble import device_key, open_radio
    from gateway.pairing import Digits, pair

    loaded = settings.load(options.settings)
    digits = Digits(_ask)
    radio = open_radio(loaded.radio, loaded.state_dir, digits.give)
    key = device_key(loaded.state_dir)
    try:
        zone = settings.home_zone(loaded)
        name = asyncio.run(pair(radio, loaded.models, options.address, key, digits, zone))
    except NotNow as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.address}: is paired, as {name}")
    return 0


def _ask() -> str:
    try:
        return input("The six digits on the device or its display: ")
    except EOFError:
        return ""


def _sniff(options: argparse.Namespace) -> int:
    from gateway.ble import open_radio
    from gateway.recording import written
    from gateway.sniffing import sniff

    loaded, path = settings.load(options.settings), options.profile
    try:
        told = parse(path.stem, path.read_text(encoding="utf-8")) if path else None
        recording = asyncio.run(
            sniff(
                open_radio(loaded.radio, loaded.state_dir),
                options.address,
                start=told.start if told else (),
                bond=told is not None and told.bond,
                seconds=options.seconds,
            )
        )
        with options.output.open("x", encoding="utf-8") as file:
            file.write(written(recording))
    except (NotNow, ProfileError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.output}: {len(recording.delivery)} deliveries")
    return 0


def _check_profile(options: argparse.Namespace) -> int:
    from gateway.profile_check import problems

    path: Path = options.file
    try:
        profile = parse(path.stem, path.read_text(encoding="utf-8"))
    except (ProfileError, OSError, UnicodeDecodeError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    found = problems(path.stem, profile, profiles())
    for problem in found:
        print(f"{path}: {problem}", file=sys.stderr)
    if not found:
        print(f"{path}: {profile.vendor} {profile.model} can be used")
    return 1 if found else 0


def _decode(options: argparse.Namespace) -> int:
    if options.file is not None and options.uuid is None:
        return _decode_file(options.file)
    if options.file is not None or options.hex is None:
        options.parser.error("give either UUID16 and HEX, or --file")
    try:
        line = print_line(options.uuid, options.hex)
    except WrongData as error:
        print(error, file=sys.stderr)
        return 1
    print(line.decode())
    return 0


def _decode_file(path: Path) -> int:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return 1
    all_good = True
    for line, good in _decoded_lines(text):
        print(line.decode())
        all_good &= good
    return 0 if all_good else 1


def _decoded_lines(text: str) -> Iterator[tuple[bytes, bool]]:
    for line in filter(str.strip, text.splitlines()):
        uuid, *value = line.split()
        try:
            yield print_line(uuid, "".join(value)), True
        except WrongData as error:
            yield msgspec.json.encode({"error": str(error)}), False


if __name__ == "__main__":
    sys.exit(main())
