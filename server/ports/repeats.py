"""Repeats that homes were asked for, and the commands that ask, as rows of one transaction."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from server.domain.repeats import Repeat, RepeatState


class CommandRow(NamedTuple):
    """Something that a gateway is to do now, in the words of the contract's command."""

    gateway: str
    name: str
    code: str | None
    expires_at: int


class Repeats(Protocol):
    """The repeats' part of a transaction."""

    def waiting(self, patient_ids: Collection[int]) -> list[Repeat]:
        """Return the repeats that hold an alert of these patients back, locked."""
        ...

    def overdue(self, now: int, limit: int) -> list[tuple[int, str]]:
        """Return (patient, rule) whose wait is over, the oldest first."""
        ...

    def asked_since(self, patient_id: int, code: int, since: int) -> bool:
        """Tell whether the home was asked to repeat this code after an instant."""
        ...

    def undone(self, patient_id: int, rule: str) -> Repeat | None:
        """Return the repeat that was within the limit where its first value is nevertheless the
        newest finding in force of the rule, and no alert has it."""
        ...

    def add(self, repeat: Repeat) -> Repeat:
        """Insert a new repeat (its id is ignored) and return it with its id."""
        ...

    def end(self, repeat: Repeat, state: RepeatState, now: int) -> None:
        """Note what became of a waiting repeat."""
        ...

    def attach(self, repeat: Repeat, alert_id: int) -> None:
        """Give the finding that waited to the alert that was raised after all."""
        ...

    def prompting(self, epoch_id: int, seen_since: int) -> str | None:
        """Return the gateway of an outbox where it is there and can ask the home, else None."""
        ...


class Commands(Protocol):
    """What gateways are to be told, until it was sent."""

    def add(
        self, *, chc_id: int, gateway: str, name: str, code: str | None, now: int, expires_at: int
    ) -> int:
        """Write a command to be sent after this transaction, and return its id."""
        ...

    def can_prompt(self, gateway: str, seen_since: int) -> bool:
        """Tell whether a gateway can ask its home, and was heard since then."""
        ...

    def asked_since(self, gateway: str, code: str, since: int) -> bool:
        """Tell whether a home was told to be asked for a code since then."""
        ...

    def unsent(self, now: int, limit: int) -> list[int]:
        """Return the ids of commands that wait and have not expired, the most urgent first."""
        ...

    def take(self, ids: Sequence[int], now: int) -> list[CommandRow]:
        """Note commands as sent, and return those that nobody took before."""
        ...
