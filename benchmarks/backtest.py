"""A back-test from the chart store, as the command asks for it: 1,000 patients, a year.

Six quantities eight times a day, 17.5 million observations; the plan that is tested has a rule of
every family, the plan in force is the heart-failure protocol.
"""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from benchmarks import district
from benchmarks.panel import ALL_RULES
from benchmarks.stream import measured
from benchmarks.table import Row, quiet, seconds
from contract.codes import BY_NUMBER
from server.commands.protocols import protocol
from server.domain.instants import DAY
from server.ports.charts import POINT
from server.services.backtesting import Question, backtest
from server.stores import tables as t
from server.stores.database import Database

FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
_DAYS = (LAST - FIRST).days + 1
_A_DAY = 8
_START = (FIRST - date(1970, 1, 1)).days * DAY
_NOW = _START + (_DAYS + 30) * DAY


def run(reduced: bool) -> list[Row]:
    """Measure; ``reduced`` takes a tenth of the patients, and of the time allowed."""
    patients = 100 if reduced else 1000
    limit = 12 * patients / 1000
    with tempfile.TemporaryDirectory(prefix="vicino-bench-") as folder:
        plan = protocol("heart-failure").plan()
        database = district.settled(Path(folder), patients, plan, _START - DAY)
        count = _write(database, patients)
        question = Question(ALL_RULES, district.CHC, FIRST, LAST, 10)
        answer = backtest(database, question, _NOW)
        # A few of the first hours lie in the year before, in the patients' zone, or after it.
        if answer.inputs_behind or not 0 <= count - answer.observations < patients * 6 * _A_DAY:
            raise AssertionError(f"{answer.observations} of {count} observations were judged")
        if not answer.tested.alerts or not answer.in_force.alerts:
            raise AssertionError("nothing was found")
        with quiet():
            middle, least, most = seconds(lambda: backtest(database, question, _NOW), 7)
        database.close()
    note = f"{patients} patient-years, {count / 1e6:.2f} M observations, {least:.1f} to {most:.1f}"
    return [Row("back-test, s", middle, limit, at_least=False, note=note)]


def _write(database: Database, patients: int) -> int:
    """Write the blobs as ``stores.charts`` does from observations; return how many points."""
    count = 0
    for patient in range(1, patients + 1):
        rows = list(_blobs(patient))
        with database.write() as tx:
            tx.connection.execute(insert(t.chart_blobs), rows)
        count += sum(row["count"] for row in rows)
    with database.write() as tx:
        tx.charts.move_cursor(tx.inputs.cursor(), _NOW)
    return count


def _blobs(patient: int) -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(patient)
    for code in sorted(ALL_RULES.watched(), key=BY_NUMBER.index):
        number = BY_NUMBER.index(code)
        each = DAY // _A_DAY
        at = _START + np.arange(_DAYS * _A_DAY) * each
        points = np.zeros(len(at), POINT)
        points["at"] = at + random.integers(0, each, len(at))
        points["value"] = measured(random, np.full(len(at), patient), np.full(len(at), number))
        months = points["at"].astype("M8[ms]").astype("M8[M]").astype(int)
        starts = np.flatnonzero(np.diff(months, prepend=-1))
        for first, end in zip(starts, [*starts[1:], len(at)], strict=True):
            key = {"patient_id": patient, "code": number, "month": int(months[first])}
            yield {**key, "count": int(end - first), "blob": points[first:end].tobytes()}
