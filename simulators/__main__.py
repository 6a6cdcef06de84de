"""``vicino-sim``: one subcommand a module, with ``add_arguments(parser)`` and ``run(options)``."""

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType

from simulators import demo, replay

_COMMANDS: dict[str, ModuleType] = {"demo": demo, "replay": replay}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status."""
    parser = argparse.ArgumentParser(prog="vicino-sim", description="Stand in for hardware.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in _COMMANDS.items():
        summary = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    sys.exit(main())
