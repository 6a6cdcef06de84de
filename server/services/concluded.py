"""What the engine concluded from one run of inputs, before anything is written."""

from dataclasses import dataclass, field

from contract.codes import Code
from server.engine.absences import Absence
from server.engine.series import Finding
from server.services.causes import Cause


@dataclass(slots=True)
class Concluded:
    """One run's findings and ends, and the absences that fell due.

    ``doubted`` are findings of observations judged alone, with whether whose they are is sure;
    ``ended`` names (patient, rule) whose condition does not hold after the newest observation;
    ``rebuilt`` names (patient, code) judged anew, with the rules that hold now; ``unrepeated``
    names (patient, rule) whose first value has waited for a repeat until its time was over;
    ``left`` are absences that an outage explained, and that are there after its end.
    """

    raised: list[Finding] = field(default_factory=list)
    doubted: list[tuple[Finding, bool]] = field(default_factory=list)
    ended: list[tuple[int, str]] = field(default_factory=list)
    rebuilt: list[tuple[int, Code, frozenset[str]]] = field(default_factory=list)
    superseded: list[Finding] = field(default_factory=list)
    withdrawn: list[Finding] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    unrepeated: list[tuple[int, str]] = field(default_factory=list)
    left: list[tuple[Absence, Cause]] = field(default_factory=list)

    def patients(self) -> set[int]:
        """Return everyone whom this is about."""
        return {
            *(one.patient for one in self.raised),
            *(finding.patient for finding, _ in self.doubted),
            *(patient for patient, _ in self.ended),
            *(patient for patient, _, _ in self.rebuilt),
            *(one.patient for one in self.superseded),
            *(one.patient for one in self.withdrawn),
            *(one.patient for one in self.absences),
            *(one.patient for one, _ in self.left),
            *(patient for patient, _ in self.unrepeated),
        }
