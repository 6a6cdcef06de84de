"""``vicino-server score news2``: check the score against a chart, by hand and without a server."""

import argparse
import json
from pathlib import Path
from typing import Any, Final

import msgspec

from server.engine.news2 import Inputs, score
from server.errors import ServerError, WrongInput

_HELP: Final = """Score one JSON object a line: respiration_rate, spo2_pct, spo2_scale (1 or 2),
supplemental_oxygen (true or false), systolic_mmHg, pulse_bpm, consciousness (A C V P U) and
temperature_C; null or left out is not known, and never assumed. Prints one JSON line for each:
scores, aggregate and band; or what is missing and a partial score without an aggregate; or an
error."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    parser = subparsers.add_parser("score", help="compute a score by hand")
    scores = parser.add_subparsers(dest="score", required=True)
    news2 = scores.add_parser("news2", help="NEWS2 (RCP 2017)", description=_HELP)
    news2.add_argument("--file", type=Path, required=True, metavar="F", help="JSON lines")
    news2.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Answer every line; returns the exit status."""
    try:
        lines = args.file.read_bytes().splitlines()
    except OSError as error:
        raise WrongInput(f"{args.file}: {error.strerror}") from error
    for line in lines:
        if line.strip():
            print(json.dumps(_answer(line)))
    return 0


def _answer(line: bytes) -> dict[str, Any]:
    try:
        found = score(msgspec.json.decode(line, type=Inputs))
    except (msgspec.MsgspecError, UnicodeDecodeError, ServerError) as error:
        return {"error": str(error)}
    scores = dict(found.scores)
    if found.missing:
        return {"partial": True, "missing": list(found.missing), "scores": scores}
    return {"scores": scores, "aggregate": found.aggregate, "band": found.band}
