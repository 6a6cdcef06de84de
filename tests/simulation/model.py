"""What must be true of a team's alerts at every moment, by the record alone.

This reads the database's rows with plain SQL and imports nothing of Vicino: hours, waits and roles
are written here once more, from the hazards (H4, H5, H9). A mistake shared with the services would
prove nothing.
"""

import sqlite3
from collections import Counter, defaultdict
from pathlib import Path

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# For how long an unclaimed alert waits for those told last, and an owner for an end.
WAITS = {"high": 15 * MINUTE, "medium": 240 * MINUTE, "low": 1440 * MINUTE}
# A low one follows up on the next working day: Christmas and a week's end lie between at most.
FOLLOW_UPS = {"high": HOUR, "medium": 4 * HOUR, "low": 6 * DAY}
PAUSES = {"high": DAY, "medium": 7 * DAY, "low": 7 * DAY}
STARTS = {
    "raised", "began-again", "got-worse", "follow-up-passed", "off-duty", "pause-ended",
}  # fmt: skip
# Who may see an alert of a kind; what asks whose a value is, or was not judged, is clinical.
CARE = {"nurse", "doctor", "coordinator"}
SEES = {
    "clinical": CARE,
    "adherence": CARE | {"contact-point"},
    "technical": CARE | {"technical-service"},
}
CLINICAL_RULES = {"measurement-held", "measurement-unreadable", "stored-not-judged"}
URGENCY = {"high": 0, "medium": 1, "low": 2}
# What old evidence opened waits until hours next begin: a day with those of every day, and an hour
# when the clocks go back.
NEXT_HOURS = 25 * HOUR


class Watch:
    """Looks at the database after every move; ``broken`` says what was not true, and when."""

    def __init__(self, path: Path) -> None:
        self._rows = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self._rows.row_factory = sqlite3.Row
        self.broken: list[str] = []
        self.seen: Counter[str] = Counter()
        self._last_message = 0
        # Who was told of which alert and has not gone off duty since.
        self._knows: dict[int, set[str]] = defaultdict(set)
        self._steps: dict[int, set[tuple[str, str, str | None]]] = defaultdict(set)
        self._started: dict[int, int] = {}
        self._told_at: dict[int, int] = {}
        # Whether its condition held, and how urgent it was: what changes that is told anew.
        self._was: dict[int, tuple[bool, str]] = {}

    def close(self) -> None:
        self._rows.close()

    def look(self, now: int) -> None:
        """Check everything of this moment."""
        self._now = now
        self._team = {
            row["name"]: row["role"]
            for row in self._all(
                "SELECT name, role FROM users WHERE on_duty_until > ? AND disabled_at IS NULL", now
            )
        }
        self._hear()
        alerts = self._all("SELECT * FROM alerts WHERE closed_at IS NULL ORDER BY id")
        for alert in alerts:
            self._open(alert)
        self._pauses()

    def arrived(self, patient: int, systolic: int, measured_at: int, at: int) -> None:
        """Check what a value beyond the outer limit of 180 has led to, right after it was judged:
        a red is never swallowed by an amber, claimed or paused (H4)."""
        if systolic <= 180:
            return
        found = self._all(
            "SELECT * FROM alerts WHERE patient_id = ? AND rule = 'systolic-high-outer'"
            " AND closed_at IS NULL AND priority = 'high' AND newest_at >= ?",
            patient,
            measured_at,
        )
        if not self._holds(bool(found), f"no red alert of patient {patient} for {systolic}"):
            return
        alert = found[0]
        self.seen["red arrived"] += 1
        amber = self._all(
            "SELECT id FROM alerts WHERE patient_id = ? AND rule = 'systolic-high-inner'"
            " AND closed_at IS NULL AND (owner IS NOT NULL OR paused_until IS NOT NULL)",
            patient,
        )
        self.seen["red beside a claimed or paused amber"] += bool(amber)
        loud = alert["unanswered"] or alert["paused_until"] is not None
        if alert["raised_at"] == at and measured_at > at - DAY and not loud:
            told = self._all("SELECT id FROM messages WHERE alert_id = ?", alert["id"])
            self._holds(bool(told), f"red alert {alert['id']} is told to nobody")

    def sent(self, deliveries: tuple[int, ...]) -> None:
        """Check what leaves over a channel: never again after a recorded success."""
        for number in deliveries:
            row = self._all("SELECT delivered_at FROM deliveries WHERE id = ?", number)[0]
            self._holds(row["delivered_at"] is None, f"delivery {number} is sent after a success")

    def listing(self, listed: list[int]) -> None:
        """Check the worklist, from its top: all is on it, the loud on top, no red below an
        amber."""
        alerts = self._all("SELECT id, unanswered, priority FROM alerts WHERE closed_at IS NULL")
        rows = {row["id"]: row for row in alerts}
        if not self._holds(set(listed) == rows.keys(), "the worklist is not what is open"):
            return
        places = [
            (
                not (rows[one]["unanswered"] and rows[one]["priority"] != "low"),
                URGENCY[rows[one]["priority"]],
                not rows[one]["unanswered"],
            )
            for one in listed
        ]
        self._holds(places == sorted(places), "the worklist is not loudest first")

    def _open(self, alert: sqlite3.Row) -> None:
        name, deadline = f"alert {alert['id']} ({alert['rule']})", alert["deadline_at"]
        self.seen[f"open {alert['kind']}"] += 1
        self._was[alert["id"]] = _matter(alert)
        if alert["owner"] is not None or alert["paused_until"] is not None:
            # Whatever comes after a person's act is told anew.
            self._steps[alert["id"]].clear()
        if alert["owner"] is not None:
            self.seen["owned"] += 1
            self.seen[f"owned by {self._team.get(alert['owner'], 'nobody')}"] += 1
            self._holds(alert["owner"] in self._team, f"{name} is {alert['owner']}'s, who is off")
            may = self._team.get(alert["owner"]) in _seeing(alert)
            self._holds(may, f"{name} is {alert['owner']}'s, who may not see it")
        if alert["paused_until"] is not None:
            self.seen["paused"] += 1
            self._holds(deadline == alert["paused_until"], f"{name}: pause and deadline differ")
            self._runs(name, deadline, PAUSES[alert["priority"]])
            self._holds(not alert["unanswered"], f"{name} is paused and unanswered")
        elif alert["unanswered"]:
            self._unanswered(alert, name)
        elif alert["owner"] is not None:
            self._runs(name, deadline, FOLLOW_UPS[alert["priority"]])
        elif alert["step"] == 0:
            self.seen["waits for the next hours"] += 1
            self._runs(name, deadline, NEXT_HOURS)
        else:
            self._chain(alert, name)

    def _chain(self, alert: sqlite3.Row, name: str) -> None:
        self.seen["chain runs"] += 1
        self._runs(name, alert["deadline_at"], WAITS[alert["priority"]])
        self._holds(bool(self._knows[alert["id"]]), f"{name}: nobody of its chain is on duty")
        told = self._told_at.get(alert["id"], 0)
        late = self._now - told >= WAITS[alert["priority"]]
        self._holds(not late, f"{name} waits for too long since it was told")

    def _unanswered(self, alert: sqlite3.Row, name: str) -> None:
        self.seen[f"unanswered {alert['priority']}"] += 1
        self._holds(alert["owner"] is None, f"{name} is unanswered and {alert['owner']}'s")
        self._holds(alert["deadline_at"] is None, f"{name} is unanswered and waits")
        for person in self._must_know(alert):
            told = person in self._knows[alert["id"]]
            self._holds(told, f"{name} is unanswered and {person} was not told")

    def _must_know(self, alert: sqlite3.Row) -> list[str]:
        """Return who must have been told of an unanswered alert: what was old when it was raised
        never leaves the team for the out-of-hours recipient (H6)."""
        old = alert["newest_at"] < alert["raised_at"] - DAY
        agreed = self._all("SELECT recipient, stand_in FROM chcs") if old else ()
        away = {name for row in agreed for name in row}
        there = [name for name, role in self._team.items() if role in _seeing(alert)]
        return [name for name in there if name not in away]

    def _runs(self, name: str, deadline: int | None, longest: int) -> None:
        if self._holds(deadline is not None, f"{name} has no deadline") and deadline is not None:
            self._holds(deadline > self._now, f"{name}: its deadline has passed")
            self._holds(deadline <= self._now + longest, f"{name}: its deadline is too far")

    def _hear(self) -> None:
        """Take in the new messages: who knows of what, and which step was told before."""
        for told in self._knows.values():
            told &= self._team.keys()
        query = (
            "SELECT m.*, a.kind, a.rule, a.cleared_at, a.priority FROM messages m"
            " JOIN alerts a ON a.id = m.alert_id"
            " WHERE m.id > ? ORDER BY m.id"
        )
        for row in self._all(query, self._last_message):
            self._last_message = row["id"]
            self._message(row)

    def _message(self, row: sqlite3.Row) -> None:
        number, reason, at = row["alert_id"], row["reason"], row["written_at"]
        self.seen[f"told: {reason}"] += 1
        self.seen[f"told {row['role']}"] += 1
        self._holds(row["role"] in _seeing(row), f"alert {number} is told to a {row['role']}")
        if reason in STARTS:
            if self._started.get(number) != at:
                self._steps[number].clear()
            self._started[number] = at
        if reason in STARTS | {"escalated"}:
            self._told_at[number] = at
        if self._was.get(number, _matter(row)) != _matter(row):
            self._steps[number].clear()
            self._was[number] = _matter(row)
        step = reason, row["role"], row["user"]
        if reason in {"escalated", "unanswered"}:
            self._holds(step not in self._steps[number], f"alert {number}: {step} told twice")
            self._steps[number].add(step)
        named = {row["user"]} if row["user"] is not None else set()
        role = {name for name, role in self._team.items() if role == row["role"]}
        self._knows[number] |= (named or role) & self._team.keys()

    def _pauses(self) -> None:
        """Check that no pause outlasts its end."""
        over = self._all("SELECT id FROM alerts WHERE paused_until <= ? AND closed_at IS NULL",
                         self._now)  # fmt: skip
        self._holds(not over, f"pauses of alerts {[row['id'] for row in over]} have not ended")
        long = self._all("SELECT id FROM pauses WHERE until_at > made_at + ?", 7 * DAY)
        self._holds(not long, "a pause is too long")

    def _holds(self, true: bool, text: str) -> bool:
        if not true:
            self.broken.append(f"{self._now}: {text}")
        return true

    def _all(self, query: str, *values: object) -> list[sqlite3.Row]:
        return self._rows.execute(query, values).fetchall()


def _matter(row: sqlite3.Row) -> tuple[bool, str]:
    return row["cleared_at"] is None, row["priority"]


def _seeing(row: sqlite3.Row) -> set[str]:
    """Return the roles that may see the alert of a row."""
    rule = row["rule"].removeprefix("review-")
    return SEES["clinical" if rule in CLINICAL_RULES else row["kind"]]
