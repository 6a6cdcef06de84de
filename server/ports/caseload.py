"""What the list of a CHC's patients needs: one method a question, each answered for all at once."""

from collections.abc import Collection
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class OpenAlerts(NamedTuple):
    """How many alerts of a patient are open, and how many of these are of high priority."""

    total: int
    high: int


class Happened(NamedTuple):
    """Something that a person or a rule did with a patient; ``by`` is empty for a rule.

    ``kind``: ``raised`` or ``closed`` (an alert), ``note``, ``proposed`` (a plan that nobody has
    decided about yet) or ``confirmed``.
    """

    patient_id: int
    at: int
    kind: str
    by: str
    text: str


class Caseload(Protocol):
    """The case load's part of a transaction."""

    def latest(self, chc_id: int) -> dict[int, int]:
        """Return when each patient's newest stored measurement was taken."""
        ...

    def missed(self, chc_id: int, since: int) -> set[int | None]:
        """Return of whom something was due since an instant and did not come; who was away is
        not among them."""
        ...

    def doubted(self, patient_ids: Collection[int], since: int) -> set[int]:
        """Return of whom something came since an instant that is held, unreadable, of an unsure
        time, or could not be judged."""
        ...

    def open_alerts(self, chc_id: int) -> dict[int, OpenAlerts]: ...
    def reviews(self, chc_id: int) -> dict[int, int]:
        """Return each patient's next review that was agreed when an alert was closed."""
        ...

    def charted(self, patient_ids: Collection[int]) -> dict[int, set[int]]:
        """Return the code numbers that each of the patients has values of."""
        ...

    def series(
        self, patient_ids: Collection[int], from_at: int
    ) -> dict[tuple[int, int], NDArray[np.void]]:
        """Return the points since an instant by patient and code number (``charts.POINT``)."""
        ...

    def mine(self, chc_id: int, user: str) -> set[int]:
        """Return whom somebody cares for, and whose open alerts they own; of patients for whom
        nobody is named, also whose plans they wrote or confirmed."""
        ...

    def happened(self, patient_ids: Collection[int], from_at: int) -> list[Happened]:
        """Return what happened with patients since an instant, in any order."""
        ...
