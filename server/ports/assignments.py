"""Devices and who has had them, as the page of assignments and its corrections need them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from server.domain.assignments import Tenure


class Device(NamedTuple):
    """One device of a CHC."""

    id: int
    chc_id: int
    address: str
    profile: str
    label: str


class OwnDevice(NamedTuple):
    """A device that a patient has or had; ``newest_at`` is when she last measured with it."""

    device: Device
    tenure: Tenure
    newest_at: int | None


class Assignments(Protocol):
    """The assignments' part of a transaction."""

    def devices(self, chc_id: int) -> list[Device]:
        """Return the CHC's devices by profile, label and address."""
        ...

    def device(self, device_id: int) -> Device | None:
        """Return one device, of any CHC."""
        ...

    def lock(self, device_id: int) -> None:
        """Keep others from changing the device's assignments, and intake from reading them, until
        the transaction ends."""
        ...

    def tenures(self, device_id: int) -> list[Tenure]:
        """Return everybody who has or had the device, in the order in which they got it."""
        ...

    def of_patient(self, patient_id: int, since: int) -> list[OwnDevice]:
        """Return what a patient has, or had until some time after ``since``: hers still first."""
        ...

    def all_tenures(self, chc_id: int) -> dict[int, list[Tenure]]:
        """Return the same of every device of the CHC, by device."""
        ...

    def write(self, device: Device, before: Sequence[Tenure], after: Sequence[Tenure]) -> None:
        """Change the stored assignments from ``before``, which they are, to ``after``."""
        ...
