"""Compiled code that was kept and cannot be read again is done without, said, and not tried over a
patient's values."""

import os
import subprocess
import sys
from pathlib import Path

JUDGES = """
from server.engine import change, families, runs
from server.engine.change import ROW
compiled = sum(one.judge_one is not None for one in families.FAMILIES)
print(compiled, runs.limits_loop is not None)
"""


def judged_by(cache: Path) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", JUDGES],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    return done.stdout.strip(), done.stderr


def test_a_cut_cache_costs_speed_and_no_alert(tmp_path: Path) -> None:
    assert judged_by(tmp_path)[0] == "5 True"
    kept = next(tmp_path.rglob("compiled.changed*.nbi"))
    kept.write_bytes(b"")
    how, said = judged_by(tmp_path)
    assert how == "1 False"  # of the arrays' forms only gains know one value at a time
    assert "rules are judged in arrays" in said
