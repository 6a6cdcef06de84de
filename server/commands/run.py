"""``vicino-server run``: broker, intake, engine, poller and pages in one process."""

import argparse
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from server import settings
from server.commands import init


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    parser = subparsers.add_parser(
        "run",
        help="run the server until it is told to stop",
        description="Run broker, intake, engine, poller and pages in one process. The folder of"
        " data_dir is made at the first start, with its keys. Ctrl-C or SIGTERM ends it; GET"
        " /health tells how it is.",
    )
    parser.add_argument(
        "--settings",
        type=Path,
        required=True,
        metavar="FILE",
        help="TOML with at least data_dir; VICINO_HTTP_PORT=8081 overrides its key http_port",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the server; returns its exit status."""
    # The pages, the broker and the engine are loaded for this command only.
    from server.app import Server

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    chosen = settings.load(args.settings, os.environ)
    init.prepare(chosen, datetime.now(UTC))
    return Server(chosen).run()
