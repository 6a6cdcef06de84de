"""Connections and transactions on SQLite and PostgreSQL, and the mapping of their errors."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, exc, insert, text
from sqlalchemy.pool import ConnectionPoolEntry

from server.errors import StoreUnavailable
from server.stores import tables
from server.stores.alerts import AlertRows
from server.stores.assignments import AssignmentRows
from server.stores.calls import CallRows
from server.stores.care import CareRows
from server.stores.caseload import CaseloadRows
from server.stores.channels import ChannelRows
from server.stores.charts import ChartRows
from server.stores.corrections import CorrectionRows
from server.stores.courses import CourseRows
from server.stores.directory import DirectoryRows
from server.stores.enrolment import EnrolmentRows
from server.stores.fleet import FleetRows
from server.stores.inputs import InputRows
from server.stores.looks import LookRows
from server.stores.measurements import MeasurementRows
from server.stores.repeats import CommandRows, RepeatRows
from server.stores.replica import ReplicaRows
from server.stores.sessions import SessionRows
from server.stores.since import SinceRows
from server.stores.views import PageRows

# A write lock is held for milliseconds; a minute says that something is badly wrong.
BUSY_TIMEOUT_SECONDS: Final = 60

# Two transactions of PostgreSQL may raise one alert at one time; the later then finds it open.
_OPEN_ALERTS: Final = "ix_alerts_open"


class SqlTransaction:
    """One transaction on one connection; its parts share it."""

    def __init__(self, connection: Connection, *, replicates: bool = False) -> None:
        self.connection, self._replicates = connection, replicates

    @cached_property
    def measurements(self) -> MeasurementRows:
        return MeasurementRows(self.connection)

    @cached_property
    def inputs(self) -> InputRows:
        return InputRows(self.connection)

    @cached_property
    def alerts(self) -> AlertRows:
        return AlertRows(self.connection)

    @cached_property
    def assignments(self) -> AssignmentRows:
        return AssignmentRows(self.connection)

    @cached_property
    def corrections(self) -> CorrectionRows:
        return CorrectionRows(self.connection)

    @cached_property
    def calls(self) -> CallRows:
        return CallRows(self.connection)

    @cached_property
    def channels(self) -> ChannelRows:
        return ChannelRows(self.connection)

    @cached_property
    def repeats(self) -> RepeatRows:
        return RepeatRows(self.connection)

    @cached_property
    def commands(self) -> CommandRows:
        return CommandRows(self.connection)

    @cached_property
    def fleet(self) -> FleetRows:
        return FleetRows(self.connection)

    @cached_property
    def enrolment(self) -> EnrolmentRows:
        return EnrolmentRows(self.connection)

    @cached_property
    def directory(self) -> DirectoryRows:
        return DirectoryRows(self.connection)

    @cached_property
    def charts(self) -> ChartRows:
        return ChartRows(self.connection)

    @cached_property
    def replica(self) -> ReplicaRows:
        return ReplicaRows(self.connection, kept=self._replicates)

    @cached_property
    def sessions(self) -> SessionRows:
        return SessionRows(self.connection)

    @cached_property
    def since(self) -> SinceRows:
        return SinceRows(self.connection)

    @cached_property
    def views(self) -> PageRows:
        return PageRows(self.connection)

    @cached_property
    def courses(self) -> CourseRows:
        return CourseRows(self.connection)

    @cached_property
    def care(self) -> CareRows:
        return CareRows(self.connection)

    @cached_property
    def caseload(self) -> CaseloadRows:
        return CaseloadRows(self.connection)

    @cached_property
    def looks(self) -> LookRows:
        return LookRows(self.connection)

    def audit(
        self,
        who: str,
        what: str,
        now: int,
        *,
        chc_id: int | None = None,
        patient_id: int | None = None,
        detail: str = "",
    ) -> None:
        row = {"who": who, "what": what, "at": now, "chc_id": chc_id, "patient_id": patient_id}
        self.connection.execute(insert(tables.audit), {**row, "detail": detail[:250]})

    def heartbeat(self, name: str, now: int) -> None:
        upsert = text(
            "INSERT INTO heartbeats (name, at) VALUES (:name, :at)"
            " ON CONFLICT (name) DO UPDATE SET at = excluded.at"
        )
        self.connection.execute(upsert, {"name": name, "at": now})


class Database:
    """A database by its URL. Making it opens no connection.

    ``replicates``: what moves is noted for the time-series replica.
    """

    replicates = False

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {} if self.is_sqlite else {"pool_pre_ping": True}
        # Statements that fail reach the log; names and values must not.
        self.engine: Engine = create_engine(url, hide_parameters=True, **options)
        self._writing = threading.Lock()
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def write(self) -> Iterator[SqlTransaction]:
        # SQLite has one writer: waiting here is fair and cheap, waiting in SQLite is polling.
        if not self.is_sqlite:
            with _mapped(), self.engine.begin() as connection:
                yield SqlTransaction(connection, replicates=self.replicates)
            return
        writes = self.engine.execution_options(writes=True)
        if not self._writing.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise StoreUnavailable(f"another write has run for {BUSY_TIMEOUT_SECONDS} seconds")
        try:
            with _mapped(), writes.begin() as connection:
                yield SqlTransaction(connection, replicates=self.replicates)
        finally:
            self._writing.release()

    @contextmanager
    def read(self) -> Iterator[SqlTransaction]:
        with _mapped(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield SqlTransaction(connection)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn the database's *not now* into ours; a broken statement stays the bug it is."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise StoreUnavailable(str(getattr(error, "orig", error))) from error
    except exc.IntegrityError as error:
        if _OPEN_ALERTS in str(error.orig):
            raise StoreUnavailable("another transaction just raised this alert") from error
        raise


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401
    # Transactions are begun by us (below): the driver's own rules would begin them too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    # FULL: in WAL mode NORMAL loses acknowledged rows when the power goes.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
