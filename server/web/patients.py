"""The CHC's patients on one line each, who needs somebody first; what changed among one's own since
one last looked; and the plans that wait for a doctor.

First come open high alerts, then other alerts, then who has not measured for longest.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import BY_NUMBER, Code
from server.domain.instants import DAY
from server.domain.roles import Action
from server.domain.timeline import FOREVER
from server.ports.caseload import OpenAlerts
from server.ports.directory import Patient, PlanRow
from server.ports.store import Transaction
from server.services.looking import changed
from server.web.catalogues import N_
from server.web.sparkline import DAYS, HEIGHT, TRENDS, WIDTH, Sparkline, sparkline
from server.web.visit import Here, Visit, people
from server.web.watching import not_watching
from server.web.wording import row_at

router = APIRouter()
PLAN_ENDS_SOON: Final = 14 * DAY
LINES_MAX: Final = 25
CHANGED_MAX: Final = 20
NOT_JUDGED: Final = "stored-not-judged"
STATES: Final = {
    "measured": N_("something came"),
    "missing": N_("something is missing or not judged"),
    "away": N_("away"),
    "not-watched": N_("not watched"),
}
_NO_ALERTS: Final = OpenAlerts(0, 0)


class Line(NamedTuple):
    """One patient, as far as the order needs it."""

    patient: Patient
    last_at: int | None
    alerts: OpenAlerts
    is_watched: bool
    drafts: list[PlanRow]
    current: PlanRow | None
    away_until: int | None
    review_at: int | None
    gap: bool

    def state(self, since: int) -> str:
        """Return one of ``STATES``; ``since`` is when *lately* begins.

        Something that came does not stand for what was expected and did not (``gap``); who is truly
        fine is said by ``Course.fine``.
        """
        if not self.is_watched:
            return "not-watched"
        if self.last_at is not None and self.last_at >= since and not self.gap:
            return "measured"
        return "away" if self.away_until is not None else "missing"

    def need(self) -> tuple[object, ...]:
        """Return what orders the lines: the smallest first."""
        # Who is away, and whom nobody watches, is not missed.
        expected = self.away_until is None and self.is_watched
        since = (self.last_at or 0) if expected else FOREVER
        name = self.patient.family_name, self.patient.given_name
        return -self.alerts.high, -self.alerts.total, since // DAY, *name


@dataclass(frozen=True, slots=True)
class Course:
    """What came of one patient. ``unwatched`` is received, and nobody watches it (hazard H8);
    ``fine``: a vital that is watched was surely theirs and judged lately, and nothing is in doubt.
    """

    unwatched: list[Code]
    sparklines: list[Sparkline]
    fine: bool


@router.get("/patients")
def show(visit: Here) -> Response:
    """Show all patients, or the reader's own."""
    return _page(visit, "")


@router.post("/patients")
def find(visit: Here) -> Response:
    """Show whose name or reference has a part; a form, so that no address holds a name."""
    return _page(visit, visit.form.get("q", "").strip())


def _page(visit: Visit, asked: str) -> Response:
    only_mine, state = visit.query.get("mine") == "1", visit.query.get("state", "")
    with visit.site.store.read() as tx:
        patients = tx.directory.patients(visit.user.chc_id)
        mine = tx.caseload.mine(visit.user.chc_id, visit.user.name)
        shown = [one for one in patients if not only_mine or one.id in mine]
        every = _lines(tx, visit, matching(shown, asked))
        states = Counter(line.state(visit.now - DAY) for line in every)
        lines = sorted(
            (one for one in every if state not in STATES or one.state(visit.now - DAY) == state),
            key=Line.need,
        )
        pages = max(1, -(-len(lines) // LINES_MAX))
        number = min(max(_number(visit.query.get("page", "")), 1), pages)
        kept = lines[(number - 1) * LINES_MAX : number * LINES_MAX]
        courses = _courses(tx, kept, visit.now)
        news, staff = changed(tx, visit.user, visit.now), people(tx)
        faults = not_watching(visit, tx)
        releases = visit.may(Action.RELEASE_HELD)
        held = len(tx.views.waiting(visit.user.chc_id)) if releases else 0
    return visit.page(
        "patients.html",
        lines=kept,
        count=len(lines),
        courses=courses,
        asked=asked,
        total=len(patients),
        only_mine=only_mine,
        state=state if state in STATES else "",
        states=[(name, text, states[name]) for name, text in STATES.items()],
        faults=faults,
        held=held,
        mine=len(mine),
        number=number,
        pages=pages,
        news=news[:CHANGED_MAX],
        more_news=max(0, len(news) - CHANGED_MAX),
        by_id={one.id: one for one in patients},
        waiting=[(line, draft) for line in lines for draft in line.drafts],
        people=staff,
        ends_soon=visit.now + PLAN_ENDS_SOON,
        long_ago=visit.now - DAY,
        trends=TRENDS,
        spark={"width": WIDTH, "height": HEIGHT, "days": DAYS},
    )


def matching(patients: Sequence[Patient], asked: str) -> list[Patient]:
    """Return whose name or reference has every asked word as a part, in any order, accents aside.

    Nothing asked is everybody.
    """
    if not (words := _plain(asked).split()):
        return list(patients)
    return [
        one
        for one in patients
        if all(
            word in _plain(f"{one.family_name} {one.given_name} {one.reference}") for word in words
        )
    ]


def _plain(text: str) -> str:
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in split if not unicodedata.combining(letter))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def _lines(tx: Transaction, visit: Visit, patients: Sequence[Patient]) -> list[Line]:
    chc_id, now = visit.user.chc_id, visit.now
    latest, alerts = tx.caseload.latest(chc_id), tx.caseload.open_alerts(chc_id)
    plans = tx.views.plans_of(chc_id, alerted=False)
    aways, reviews = tx.views.aways(chc_id, now), tx.caseload.reviews(chc_id)
    gaps = tx.caseload.missed(chc_id, now - DAY)
    gaps |= {alert.patient_id for alert in tx.alerts.open_rule(NOT_JUDGED)}
    found = []
    for one in patients:
        versions = plans.get(one.id, [])
        current = row_at(versions, now)
        found.append(
            Line(
                one,
                latest.get(one.id),
                alerts.get(one.id, _NO_ALERTS),
                current is not None and bool(current.plan.watched()),
                [row for row in versions if row.is_draft],
                current,
                aways.get(one.id),
                reviews.get(one.id),
                one.id in gaps,
            )
        )
    return found


def _courses(tx: Transaction, lines: Sequence[Line], now: int) -> Mapping[int, Course]:
    ids = [line.patient.id for line in lines]
    charted = tx.caseload.charted(ids)
    series = tx.caseload.series(ids, now - DAYS * DAY)
    doubted = tx.caseload.doubted(ids, now - DAY)
    found = {}
    for line in lines:
        key = line.patient.id
        received = [BY_NUMBER[number] for number in sorted(charted.get(key, ()))]
        drawn = [
            one
            for number, code in enumerate(BY_NUMBER)
            if (points := series.get((key, number))) is not None
            and (one := sparkline(code, points, now)) is not None
        ]
        watched = line.current.plan.watched() if line.current else set()
        unwatched = [code for code in received if code not in watched]
        judged = any(one.code in watched and one.at >= now - DAY for one in drawn)
        fine = judged and key not in doubted and line.state(now - DAY) == "measured"
        found[key] = Course(unwatched, drawn, fine)
    return found
