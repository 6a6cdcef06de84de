"""``vicino-server init``: make the data folder and the local authority, once."""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

from server import authority, settings


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    parser = subparsers.add_parser("init", help="make the data folder and the local authority")
    parser.add_argument("--settings", type=Path, required=True, metavar="FILE")


def run(args: argparse.Namespace) -> int:
    """Make what is missing and overwrite nothing, so that it may be run again."""
    prepare(settings.load(args.settings, os.environ), datetime.now(UTC))
    return 0


def prepare(chosen: settings.Settings, now: datetime) -> None:
    """Make folders, authority, and the certificates of broker and intake, where missing."""
    for folder in (chosen.data_dir, chosen.keys_dir, chosen.broker_dir, chosen.snapshot_dir):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = {
        "authority": authority.make_authority(chosen.keys_dir, now),
        "broker certificate": authority.issue_server(chosen.keys_dir, [chosen.broker_name], now),
        "intake certificate": authority.issue_intake(chosen.keys_dir, now),
    }
    for name, is_new in made.items():
        print(f"{name}: {'made' if is_new else 'is there'} in {chosen.keys_dir}")
