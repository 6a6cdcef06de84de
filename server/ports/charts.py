"""The chart store: a patient's observations by code and month, packed for reading in one go."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from server.domain.instants import HOUR

# One point: measured at (ms), scaled value (±2**30: LO/HI), and marks (a bit each, below).
POINT: Final = np.dtype([("at", "<i8"), ("value", "<i4"), ("marks", "<u4")])
LATE_AFTER: Final = HOUR  # stored so long after it was measured, a value came late
MARK_LATE: Final = 1
MARK_UNSURE: Final = 2
MARK_HELD: Final = 4
MARK_PERSON: Final = 8
MARK_FLAGGED: Final = 16
MARK_UNSTEADY: Final = 32  # flagged so that rules over windows do without it (``domain.flags``)


class ChartKey(NamedTuple):
    """One blob: ``month`` counts months since 1970-01 in UTC."""

    patient_id: int
    code: int
    month: int


class Charts(Protocol):
    """The chart store's part of a transaction."""

    def cursor(self) -> int:
        """Return the input log's position up to which the charts are written."""
        ...

    def changed(self, after: int, until: int, limit: int) -> tuple[int, set[ChartKey]]:
        """Return which blobs the log's next rows touch, and the position they reach to."""
        ...

    def rebuild(self, keys: Sequence[ChartKey], until: int) -> None:
        """Write blobs anew from the observations: right after any withdrawal or late arrival."""
        ...

    def move_cursor(self, position: int, now: int) -> None:
        """Note that the charts are written up to a position."""
        ...

    def read(self, patient_id: int, code: int, from_at: int, until_at: int) -> NDArray[np.void]:
        """Return the points of a time, sorted by measured-at (see ``POINT``)."""
        ...

    def read_codes(
        self, patient_id: int, codes: Collection[int], from_at: int, until_at: int
    ) -> dict[int, NDArray[np.void]]:
        """Return the points of several codes from ``from_at`` until before ``until_at``, by the
        code's number, in the order in which the engine judges them; without a point, no entry."""
        ...
