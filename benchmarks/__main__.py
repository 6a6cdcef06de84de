"""Run one part in full, or every part reduced."""

import sys
from importlib import import_module

from benchmarks.table import Row, show

PARTS = ("engine", "backtest", "intake", "gateway", "pages")


def main() -> int:
    wanted = sys.argv[1:]
    if unknown := set(wanted) - set(PARTS):
        print(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
        return 2
    rows: list[Row] = []
    for part in wanted or PARTS:
        rows += import_module(f"benchmarks.{part}").run(not wanted)
    return 0 if show(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
