"""A database as it is after a year: patients with plans, their observations and charts, alerts.

Rows are written straight into the tables, in the order in which a year would have: the pages read
them as any other.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.panel import THRESHOLDS
from benchmarks.stream import CODES_WATCHED
from contract.codes import DEFINITIONS
from server.domain.alerts import Alert, Kind
from server.domain.instants import DAY, HOUR, MINUTE
from server.domain.plans import Plan, plan_json
from server.domain.priorities import Priority
from server.ports.charts import POINT
from server.ports.directory import Patient
from server.services import accounts
from server.stores.charts import month_of
from server.stores.database import Database
from server.stores.migrate import migrate
from server.stores.rows import insert_new
from server.stores.tables import chart_blobs, epochs, measurements, observations, plans

PASSWORD: Final = "a long password of a benchmark"  # noqa: S105
CODES: Final = [DEFINITIONS[code].number for code in CODES_WATCHED]
_TYPICAL: Final = np.array([1250, 800, 720, 960, 3660, 74_000])
_SCATTER: Final = np.array([90, 60, 50, 12, 25, 600])
_ELEMENT: Final = b'{"flags":[],"origin":"device"}'
_YEAR_DAYS: Final = 365


def fill(folder: Path, patients: int, observed: int, alerts: int, now: int) -> Database:
    """Make a database with at least ``observed`` observations over a year; sign-in name: dora."""
    store = Database(f"sqlite:///{folder / 'vicino.db'}")
    migrate(store, "f" * 32)
    a_day = -(-observed // (patients * _YEAR_DAYS * len(CODES)))
    rnd = np.random.default_rng(11)
    with store.write() as tx:
        chc = tx.directory.add_chc("CHC Susa", "Europe/Rome")
        tx.directory.add_gateway("gw-1", chc, now, None)
        hashed = accounts.hash_password(PASSWORD)
        tx.directory.add_user("dora", "Dora Gallo", "doctor", chc, hashed, "it")
        ids = [tx.directory.add_patient(_patient(chc, number)) for number in range(patients)]
        body = plan_json(Plan(thresholds=THRESHOLDS))
        span = now - _YEAR_DAYS * DAY
        insert_new(
            tx.connection,
            plans,
            [(chc, one, 1, body, "anna", span, "dora", span, span) for one in ids],
            ("chc_id", "patient_id", "version", "body", "author", "written_at", "confirmed_by",
             "confirmed_at", "in_force_from"),
        )  # fmt: skip
    for epoch_id, patient in enumerate(ids, 1):
        with store.write() as tx:
            at, values = _year(rnd, a_day, now)
            _store(tx, chc, epoch_id, patient, at, values)
    with store.write() as tx:
        for number in range(alerts):
            tx.alerts.add(_alert(chc, ids[number * 7 % patients], number, now))
    return store


def _year(rnd: Any, a_day: int, now: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return instants, and a row of six scaled values for each."""
    count = _YEAR_DAYS * a_day
    at = now - _YEAR_DAYS * DAY + np.arange(count) * (DAY // a_day)
    at += rnd.integers(0, HOUR, count)
    values = _TYPICAL + rnd.normal(0, 1, (count, len(CODES))) * _SCATTER
    return at, values.astype(np.int64)


def _store(
    tx: Any, chc: int, epoch_id: int, patient: int, at: NDArray[np.int64], values: NDArray[Any]
) -> None:
    count, numbers = len(at), range(1, len(at) + 1)
    insert_new(
        tx.connection,
        epochs,
        [(epoch_id, "gw-1", f"{epoch_id:032x}", count, count, count, count * len(CODES))],
        ("id", "gateway_id", "epoch", "receipted_seq", "highest_seq", "measurements",
         "observations"),
    )  # fmt: skip
    insert_new(
        tx.connection,
        measurements,
        [
            (epoch_id, seq, chc, "stored", patient, when, "trusted", when, when + MINUTE, _ELEMENT)
            for seq, when in zip(numbers, at.tolist(), strict=True)
        ],
        ("epoch_id", "seq", "chc_id", "fate", "patient_id", "measured_at", "quality",
         "received_at", "stored_at", "element"),
    )  # fmt: skip
    names = ("epoch_id", "seq", "code", "value")
    rows = [
        (epoch_id, seq, code, value)
        for seq, row in zip(numbers, values.tolist(), strict=True)
        for code, value in zip(CODES, row, strict=True)
    ]
    insert_new(tx.connection, observations, rows, names)
    names = ("patient_id", "code", "month", "count", "blob")
    insert_new(tx.connection, chart_blobs, list(_blobs(patient, at, values)), names)


def _blobs(patient: int, at: NDArray[np.int64], values: NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    months = np.array([month_of(one) for one in at.tolist()])
    for place, code in enumerate(CODES):
        points = np.zeros(len(at), POINT)
        points["at"], points["value"] = at, values[:, place]
        for month in np.unique(months).tolist():
            inside = points[months == month]
            yield patient, code, month, len(inside), inside.tobytes()


def _patient(chc: int, number: int) -> Patient:
    name = f"Famiglia{number:05}"
    return Patient(
        0, chc, f"P{number:05}", name, "Ada", "1941-03-02", None, "0122 1", "it", "Europe/Rome", 0
    )


def _alert(chc: int, patient: int, number: int, now: int) -> Alert:
    sides = ("high-outer", "high-inner", "low-inner", "low-outer")
    rule = f"{CODES_WATCHED[number % len(CODES)]}-{sides[number // len(CODES) % 4]}"
    raised = now - (number + 1) * MINUTE
    return Alert(
        id=0,
        chc_id=chc,
        subject=f"patient:{patient}:{number}",
        patient_id=patient,
        kind=Kind.CLINICAL,
        rule=rule,
        priority=Priority.HIGH if rule.endswith("outer") else Priority.MEDIUM,
        raised_at=raised,
        began_at=raised,
        newest_at=raised,
        deadline_at=now + HOUR,
        step=1,
        newest=1700,
        worst=1700,
        told=1700,
    )
