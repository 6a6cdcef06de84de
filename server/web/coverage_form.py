"""Hours of a week and a stand-in, as a form asks for them: a field a weekday.

Every field's name is that of ``services.agreeing.Agreement``, hours with the weekday's number
behind it (Monday is 0), so that an error names the field.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Final

from server.domain.duty import WEEKDAYS, Hours, clock, parse_hours
from server.domain.instants import zone
from server.errors import WrongInput
from server.ports.directory import Chc
from server.services.agreeing import Agreement
from server.services.duty import hours_of, recipient_hours_of
from server.services.setting_up import instant
from server.web.wording import Wording

_TEAM: Final = "hours"
_RECIPIENT: Final = "recipient_hours"
_ONE_DIGIT: Final = re.compile(r"(?<!\d)(\d)(?=:)")
_DASH: Final = re.compile(r"\s*[-\N{EN DASH}]\s*")


def on_record(chc: Chc, words: Wording) -> dict[str, str]:
    """Return the fields as they stand: what holds now, a stand-in only while it is not over."""
    fields = {**_days(_TEAM, hours_of(chc)), **_days(_RECIPIENT, recipient_hours_of(chc))}
    fields["recipient"] = chc.recipient or ""
    if (chc.stand_in_until or 0) > words.now:
        fields["stand_in"] = chc.stand_in or ""
        fields["stand_in_from"] = words.local(chc.stand_in_from)
        fields["stand_in_until"] = words.local(chc.stand_in_until)
    return fields


def agreement(form: Mapping[str, str], chc: Chc) -> Agreement:
    """Read a form. Raises ``WrongInput`` naming the field."""
    hours = _hours(form, _TEAM, chc.zone_name)
    if hours is None:
        raise WrongInput(f"{_TEAM}-0: say when the team reads")
    return Agreement(
        chc=chc.name,
        hours=hours,
        recipient=form.get("recipient") or None,
        recipient_hours=_hours(form, _RECIPIENT, chc.zone_name),
        stand_in=form.get("stand_in") or None,
        stand_in_from=_exact(form, "stand_in_from", chc.zone_name),
        stand_in_until=_exact(form, "stand_in_until", chc.zone_name),
    )


def _days(name: str, hours: Hours | None) -> dict[str, str]:
    spans = hours.spans if hours is not None else ()
    return {
        f"{name}-{weekday}": ", ".join(
            f"{clock(span.start)}-{clock(span.end)}"
            for span in sorted(spans)
            if span.weekday == weekday
        )
        for weekday in range(len(WEEKDAYS))
    }


def _hours(form: Mapping[str, str], name: str, zone_name: str) -> str | None:
    days = range(len(WEEKDAYS))
    parts = [tuple(_parts(form, f"{name}-{weekday}", zone_name)) for weekday in days]
    written = []
    for same, run in groupby(days, lambda weekday: parts[weekday]):
        first, *rest = run
        named = WEEKDAYS[first] + (f"-{WEEKDAYS[rest[-1]]}" if rest else "")
        written += [f"{named} {part}" for part in same]
    return ", ".join(written) or None


def _parts(form: Mapping[str, str], field: str, zone_name: str) -> Iterator[str]:
    for part in filter(None, (part.strip() for part in form.get(field, "").split(","))):
        tidy = _ONE_DIGIT.sub(r"0\1", _DASH.sub("-", part))
        try:
            parse_hours(f"Mon {tidy}", zone_name)
        except WrongInput as error:
            raise WrongInput(f"{field}: {error}") from error
        yield tidy


def _exact(form: Mapping[str, str], field: str, zone_name: str) -> str | None:
    text = form.get(field, "")
    try:
        if not text:
            return None
        exact = datetime.fromisoformat(text).replace(tzinfo=zone(zone_name)).isoformat()
        instant(exact)  # the calendar's first day has no instant in every zone
    except (ValueError, WrongInput) as error:
        raise WrongInput(f"{field}: {error}") from error
    return exact
