"""The form of a change of assignments: what is to be, read against what there is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from server.domain.assignments import NEW, Tenure, laid_over, without
from server.domain.instants import MINUTE, from_datetime, zone
from server.errors import NotFound
from server.ports.directory import Patient
from server.web.catalogues import N_

GIVE: Final = "give"  # a new assignment
CORRECT: Final = "correct"  # another patient, user button, from or until
END: Final = "end"
NEVER: Final = "never"  # there never was such an assignment
_USER_MAX: Final = 255
_EARLIEST: Final = 946_684_800_000  # 2000-01-01: no device here is older


class Choice(NamedTuple):
    """What a person wrote; it travels through every step as it is."""

    what: str
    instead: str
    patient: str
    user: str
    from_: str
    until: str
    decided: str

    @classmethod
    def of(cls, form: Mapping[str, str]) -> "Choice":
        """Take the form's fields."""
        names = ("what", "instead", "patient", "user", "from", "until", "decided")
        return cls(*(form.get(name, "").strip()[:120] for name in names))

    @property
    def fields(self) -> dict[str, str]:
        """The same as the names and values of a form."""
        return {name.rstrip("_"): value for name, value in self._asdict().items()}


@dataclass(slots=True)
class Asked:
    """What is asked for: ``after`` is None while more than one patient may be meant."""

    choice: Choice
    before: list[Tenure]
    found: list[Patient]
    after: list[Tenure] | None = None
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def decided_too(self) -> bool:
        """Whether what persons decided one by one is to move too."""
        return self.choice.decided == "too"


def read(
    choice: Choice, before: list[Tenure], found: Sequence[Patient], zone_name: str, now: int
) -> Asked:
    """Read the form. Raises ``NotFound`` for an assignment that is not there (any more)."""
    asked = Asked(choice, before, list(found))
    there = next((one for one in before if str(one.id) == choice.instead), None)
    if choice.what not in (GIVE, CORRECT, END, NEVER) or (choice.what != GIVE and there is None):
        raise NotFound("assignment")
    if there is not None and choice.what == NEVER:
        asked.after = without(before, there.id)
    elif there is not None and choice.what == END:
        until = _instant(asked, "until", choice.until, zone_name, there.until_at)
        _put(asked, None if until is None else there._replace(until_at=until))
        if until is None:
            asked.wrong.setdefault("until", N_("Write a day and a time."))
    else:
        _read_whole(asked, there, zone_name)
    return asked


def _read_whole(asked: Asked, there: Tenure | None, zone_name: str) -> None:
    choice = asked.choice
    from_at = _instant(asked, "from", choice.from_, zone_name, there and there.from_at)
    until = _instant(asked, "until", choice.until, zone_name, there and there.until_at)
    if from_at is None:
        asked.wrong.setdefault("from", N_("Write a day and a time."))
    user = (
        int(choice.user)
        if choice.user.isascii() and choice.user.isdigit() and len(choice.user) < 7
        else None
    )
    if choice.user and (user is None or user > _USER_MAX):
        asked.wrong["user"] = N_("A number from 0 to 255, or nothing.")
    if not asked.found:
        asked.wrong["patient"] = N_("No patient is found.")
    if not asked.wrong and len(asked.found) == 1 and from_at is not None:
        number = there.id if there is not None else NEW
        _put(asked, Tenure(number, asked.found[0].id, user, from_at, until))


def _put(asked: Asked, new: Tenure | None) -> None:
    if new is None:
        return
    if new.from_at >= new.end:
        asked.wrong["until"] = N_("It must end after it begins.")
        return
    asked.after = laid_over(asked.before, new)


def _instant(asked: Asked, name: str, text: str, zone_name: str, known: int | None) -> int | None:
    """Read a local time of the CHC; one that was not changed keeps its seconds."""
    if not text:
        return None
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=zone(zone_name))
        found = from_datetime(local)
    except (ValueError, OverflowError):
        found = 0
    if found < _EARLIEST:
        asked.wrong[name] = N_("Write a day and a time.")
        return None
    if known is not None and known // MINUTE == found // MINUTE:
        return known
    return found
