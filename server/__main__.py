"""The ``vicino-server`` program: parses, and hands over to a command."""

import argparse
import os
import sys
from collections.abc import Sequence

from server import settings
from server.clock import now_ms
from server.commands import (
    alert,
    backtest,
    chc,
    device,
    gateway,
    init,
    judge,
    patient,
    plan,
    run,
    score,
    user,
)
from server.errors import ServerError, SettingsError
from server.services.setting_up import chc_of
from server.stores.opening import open_database


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program. 1: what was asked for could not be done; 2: wrong settings or usage."""
    parser = argparse.ArgumentParser(
        prog="vicino-server",
        description="Vicino's server: stores every measurement, judges it, raises alerts. "
        "Not a medical device and not for emergencies (112).",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    everyday = (run, init, gateway, chc, user, patient, device, plan, alert)
    for command in (*everyday, score, judge, backtest):
        command.add_parser(commands)
    args = parser.parse_args(argv)
    try:
        if args.command == "gateway":
            return _gateway(args)
        return int(init.run(args) if args.command == "init" else args.run(args))
    except SettingsError as error:
        print(f"vicino-server: {error}", file=sys.stderr)
        return 2
    except ServerError as error:
        print(f"vicino-server: {error}", file=sys.stderr)
        return 1


def _gateway(args: argparse.Namespace) -> int:
    """Record gateways in the database, and give or take their access to the broker."""
    database = open_database(settings.load(args.settings, os.environ))

    def register(name: str, chc: str) -> None:
        with database.write() as tx:
            tx.directory.add_gateway(name, chc_of(tx, chc).id, now_ms(), None)

    try:
        if args.action == "claim":
            with database.write() as tx:
                code = gateway.claim(args, tx, now_ms())
            print(code)
            return 0
        if args.action == "configure":
            with database.write() as tx:
                version = gateway.configure(args, tx, now_ms())
            print(f"configuration {version}: {args.id} is told with its next heartbeat")
            return 0
        if args.action == "revoke":
            with database.write() as tx:
                tx.directory.revoke_gateway(args.id, now_ms())
        return gateway.run(args, register)
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main())
