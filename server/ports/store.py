"""The database as the services see it: transactions whose parts are the other ports."""

from contextlib import AbstractContextManager
from typing import Protocol

from server.ports.alerts import Alerts
from server.ports.assignments import Assignments
from server.ports.calls import Calls
from server.ports.care import Care
from server.ports.caseload import Caseload
from server.ports.channels import Channels
from server.ports.charts import Charts
from server.ports.corrections import Corrections
from server.ports.courses import Courses
from server.ports.directory import Directory
from server.ports.enrolment import Enrolment
from server.ports.fleet import Fleet
from server.ports.inputs import InputLog
from server.ports.looks import Looks
from server.ports.measurements import Measurements
from server.ports.repeats import Commands, Repeats
from server.ports.replica import Replica
from server.ports.sessions import Sessions
from server.ports.since import Since
from server.ports.views import Views


class Transaction(Protocol):
    """One transaction. Leaving its context commits; an exception rolls everything back."""

    @property
    def measurements(self) -> Measurements: ...
    @property
    def inputs(self) -> InputLog: ...
    @property
    def alerts(self) -> Alerts: ...
    @property
    def assignments(self) -> Assignments: ...
    @property
    def corrections(self) -> Corrections: ...
    @property
    def calls(self) -> Calls: ...
    @property
    def channels(self) -> Channels: ...
    @property
    def repeats(self) -> Repeats: ...
    @property
    def commands(self) -> Commands: ...
    @property
    def fleet(self) -> Fleet: ...
    @property
    def enrolment(self) -> Enrolment: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def charts(self) -> Charts: ...
    @property
    def replica(self) -> Replica: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def since(self) -> Since: ...
    @property
    def views(self) -> Views: ...
    @property
    def courses(self) -> Courses: ...
    @property
    def care(self) -> Care: ...
    @property
    def caseload(self) -> Caseload: ...
    @property
    def looks(self) -> Looks: ...

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
        """Append to the record of who did or saw what."""
        ...

    def heartbeat(self, name: str, now: int) -> None:
        """Note that a loop of the server is alive (hazard H15)."""
        ...


class Store(Protocol):
    """The database. Raises ``StoreUnavailable`` when it cannot be reached or is full."""

    def write(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that may write; on SQLite there is one at a time."""
        ...

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that only reads a consistent state."""
        ...
