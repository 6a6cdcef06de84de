"""The command line: parses, and tells ``app`` what to do."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from gateway.errors import WrongData
from gateway.observe import print_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 done, 1 not possible, 2 wrong settings."""
    options = _parser().parse_args(arguments)
    status: int = options.run(options)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vicino-gateway", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    decode = commands.add_parser("decode", help="say what the bytes of a characteristic mean")
    decode.add_argument("uuid", nargs="?", metavar="UUID16", help="the characteristic, as 2A35")
    decode.add_argument("hex", nargs="?", metavar="HEX", help="its value")
    decode.add_argument("--file", type=Path, help="read one 'UUID16 HEX' a line")
    decode.set_defaults(run=_decode, parser=decode)
    return parser


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
    for line in _decoded_lines(text):
        print(line.decode())
    return 0


def _decoded_lines(text: str) -> Iterator[bytes]:
    for line in filter(str.strip, text.splitlines()):
        uuid, *value = line.split()
        try:
            yield print_line(uuid, "".join(value))
        except WrongData as error:
            yield msgspec.json.encode({"error": str(error)})


if __name__ == "__main__":
    sys.exit(main())
