"""Times, rules and alerts in words: one reader's language, one zone, one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_timedelta, get_day_names
from markupsafe import Markup

from contract.codes import BY_NUMBER, Code
from contract.profiles import kind_of, model_of
from server.domain.alerts import REVIEW, Alert, Kind
from server.domain.duty import Span, clock, grouped, is_long, last_day
from server.domain.instants import HOUR, MINUTE, SECOND, civil_day, to_datetime, zone
from server.domain.plans import SIDES, Gain, Plan, limit_of
from server.domain.window_rules import WindowRule
from server.ports.calls import Call
from server.ports.directory import PlanRow
from server.web import texts
from server.web.catalogues import N_, formats
from server.web.limits import limits_of
from server.web.numbers import Numbers
from server.web.windows import windowed

_MISSING: Final = "missing-"
_WHEN: Final = "-when"
# The poller comes every few seconds; a deadline older than this is one that nobody minds.
_GRACE: Final = MINUTE
# The year 9999: neither a date nor a zone goes further.
_CALENDAR_END: Final = 253_370_764_800_000


@dataclass(frozen=True, slots=True)
class Wording(Numbers):
    """How one page speaks. Instants are milliseconds, values scaled integers."""

    zone_name: str
    now: int

    def moment(self, instant: int | None) -> str:
        """Write date and time in the page's zone; the year only where it is another.

        A gateway may send a time that no calendar holds: it is shown as it stands.
        """
        if instant is None:
            return "–"
        if instant > _CALENDAR_END:
            return f"{instant} ms"
        pattern = "d MMM HH:mm" if self._year(instant) == self._year(self.now) else "d MMM y HH:mm"
        return _local_text(self.language, self.zone_name, instant // MINUTE, pattern)

    def language_name(self, code: str) -> str:
        """Name a language in the page's own; one that nobody knows stands as it was written."""
        try:
            return Locale.parse(code).get_language_name(self.language) or code
        except (ValueError, UnknownLocaleError):
            return code

    def clock(self, instant: int) -> str:
        """Write the time of the day, with the day where it is another than today."""
        if civil_day(instant, self.zone_name) != civil_day(self.now, self.zone_name):
            return self.moment(instant)
        return _local_text(self.language, self.zone_name, instant // MINUTE, "HH:mm")

    def minute(self, minute: int | None) -> str:
        """Write a minute of a day as forms take it, or nothing."""
        return "" if minute is None else clock(minute)

    def local(self, instant: int | None) -> str:
        """Write an instant as forms take a day and a time of the page's zone, or nothing."""
        if instant is None or instant > _CALENDAR_END:
            return ""
        return _exact(self.zone_name, instant // SECOND)[:16]

    def last_day_of(self, end: int | None) -> str:
        """Write the day that ends at an instant as forms take it, or nothing."""
        return "" if end is None else self.local(end - 1)[:10]

    def exact(self, instant: int) -> str:
        """Write an instant for machines: ISO 8601 with the zone's offset."""
        if instant > _CALENDAR_END:
            return f"{instant} ms"
        return _exact(self.zone_name, instant // SECOND)

    def day(self, iso_date: str) -> str:
        """Write a civil date; one that is none is shown as it stands."""
        try:
            return format_date(
                datetime.fromisoformat(iso_date), "long", locale=formats(self.language)
            )
        except ValueError:
            return iso_date

    def age(self, instant: int | None) -> str:
        """Say how long ago, or in how long."""
        if instant is None:
            return self.text(N_("never"))
        minutes = round((instant - self.now) / MINUTE)
        return _ago(self.language, minutes) if minutes else self.text(N_("now"))

    def ago(self, instant: int) -> Markup:
        """Say how long ago as an element with its time: what the macro ``age`` does, for lists of
        hundreds."""
        element = Markup('<time datetime="{}" title="{}">{}</time>')
        return element.format(self.exact(instant), self.moment(instant), self.age(instant))

    def reason(self, alert: Alert, plans: Sequence[PlanRow]) -> str:
        """Say in words why there is an alert: value, unit and limit."""
        if alert.rule.startswith(REVIEW):
            return self._review(alert, plans)
        if alert.kind is Kind.TECHNICAL:
            return self.text(texts.TECHNICAL.get(alert.rule, N_("Vicino needs attention")))
        if alert.rule.startswith(_MISSING):
            return self._absent(alert)
        plan = plan_at(plans, alert.newest_at)
        if (combination := self._combination(plan, alert.rule)) is not None:
            return combination
        if alert.rule in texts.SCORES:
            rule = self.rule_in(plan, alert.rule)
            return self.text(N_("%(points)s points: %(rule)s"), points=alert.newest, rule=rule)
        if (condition := self._condition(plan, alert.rule)) is not None:
            return f"{self._newest(alert)}: {condition}"
        return self._beyond(alert, plan)

    def rule(self, name: str, plans: Sequence[PlanRow], at: int) -> str:
        """Say what a rule watches for, with the limit that was in force then."""
        return self.rule_in(plan_at(plans, at), name.removeprefix(REVIEW))

    def rule_in(self, plan: Plan | None, name: str) -> str:
        """Say what a plan's rule watches for."""
        if (combination := self._combination(plan, name)) is not None:
            return combination
        if name in texts.SCORES:
            return self.text(texts.SCORES[name])
        if (condition := self._condition(plan, name)) is not None:
            return f"{self.code(code_of(name) or Code.WEIGHT)}: {condition}"
        if name.startswith(_MISSING):
            return self.text(N_("%(code)s not measured"), code=self.code(Code(name[8:])))
        code, side = _parts(name)
        if code is None:
            return name
        return f"{self.code(code)}, {self.side(code, side, limit_of(plan, name))}"

    def named(self, plan: Plan | None, rule: str) -> str:
        """Name a rule without its limit: for where that stands beside it, old and new."""
        if rule.endswith(_WHEN):
            code = Code(rule.removesuffix(_WHEN))
            judged = self.text(N_("how it is judged"))
            return f"{self.code(code)}, {judged}"
        found, side = _parts(rule)
        if found is not None and side in texts.SIDES:
            return f"{self.code(found)}, {self.text(texts.SIDES[side])}"
        return self.rule_in(plan, rule)

    def subject(self, alert: Alert) -> str:
        """Name what a technical alert is about."""
        kind, _, name = alert.subject.partition(":")
        if kind == "chc":
            return self.text(N_("Homes of this Community Health Centre"))
        said = {
            "gateway": N_("Gateway"),
            "device": N_("Device"),
            "channel": N_("Message channel"),
        }.get(kind)
        return f"{self.text(said)} {name}" if said else self.text(N_("Server"))

    def flags(self, flags: Sequence[str]) -> str:
        """Say what the device reported with a measurement."""
        return ", ".join(
            self.text(texts.FLAGS[one]) if one in texts.FLAGS else one for one in flags
        )

    def state(self, alert: Alert, people: dict[str, str]) -> str:
        """Say where an alert stands, in a few words."""
        if alert.closed_at is not None:
            who = people.get(alert.closed_by or "", alert.closed_by or "")
            return self.text(N_("closed by %(who)s"), who=who)
        if alert.unanswered:
            return self.text(N_("UNANSWERED"))
        if alert.paused_until is not None:
            paused = self.text(N_("paused until %(when)s"), when=self.clock(alert.paused_until))
            return f"{paused}, {self._owned(alert, people)}" if alert.owner else paused
        if alert.owner is not None:
            return self._owned(alert, people)
        return self.text(N_("nobody has taken it on"))

    def _owned(self, alert: Alert, people: dict[str, str]) -> str:
        who = people.get(alert.owner or "", alert.owner or "")
        return self.text(N_("taken on by %(who)s"), who=who)

    def next_step(self, alert: Alert) -> str:
        """Say what happens next by itself, and when."""
        if alert.closed_at is not None:
            return ""
        if alert.unanswered or alert.deadline_at is None:
            return self.text(N_("The chain has ended: take it on now"))
        when = self.clock(alert.deadline_at)
        if alert.deadline_at < self.now - _GRACE:
            return self.text(N_("OVERDUE since %(when)s"), when=when)
        if alert.paused_until is not None:
            return self.text(N_("the pause ends %(when)s"), when=when)
        if alert.owner is not None:
            return self.text(N_("close before %(when)s"), when=when)
        if alert.step == 0:
            return self.text(N_("people are told %(when)s"), when=when)
        return self.text(N_("escalates %(when)s"), when=when)

    def follow(self, call: Call) -> str:
        """Say what has to follow a call that nobody answered, and by when."""
        said = (
            N_("nobody answers: visit or 112 by %(when)s")
            if call.used_up
            else N_("no answer: call again by %(when)s")
        )
        return self.text(said, when=self.clock(call.due_at or call.at))

    def weekdays(self) -> list[str]:
        """Name the days of a week, Monday first."""
        names = get_day_names("wide", locale=formats(self.language))
        return [names[weekday] for weekday in range(len(names))]

    def hours(self, spans: list[Span]) -> str:
        """Write hours of a week."""
        return ", ".join(self._span(last, span) for last, span in grouped(spans))

    def _span(self, last: int, span: Span) -> str:
        names = get_day_names("abbreviated", locale=formats(self.language))
        first, start, end = names[span.weekday], clock(span.start), clock(span.end)
        if is_long(span):
            return f"{first} {start} – {names[last_day(span)]} {end}"
        days = first if last == span.weekday else f"{first}–{names[last]}"
        return f"{days} {start}–{end}"

    def waiting_reason(self, fate: str, reason: str) -> str:
        """Say in words why a measurement is held or quarantined."""
        if fate == "held":
            return self.text(texts.HELD.get(reason, texts.QUARANTINED_OTHER))
        found = (said for part, said in texts.QUARANTINED if part in reason)
        return self.text(next(found, texts.QUARANTINED_OTHER))

    def _year(self, instant: int) -> int:
        return _year_of(self.zone_name, instant // HOUR)

    def _absent(self, alert: Alert) -> str:
        code = self.code(Code(alert.rule.removeprefix(_MISSING)))
        if alert.detail == "arrived-unreadable":
            return self.text(N_("%(code)s arrived, but cannot be read"), code=code)
        when = self.clock(alert.newest_at)
        if said := texts.ABSENT.get(alert.detail or ""):
            return self.text(said, code=code, when=when)
        return self.text(N_("%(code)s not measured, expected by %(when)s"), code=code, when=when)

    def _review(self, alert: Alert, plans: Sequence[PlanRow]) -> str:
        name = alert.rule.removeprefix(REVIEW)
        technical = texts.TECHNICAL.get(name, N_("Vicino needs attention"))
        is_technical = alert.kind is Kind.TECHNICAL
        what = self.text(technical) if is_technical else self.rule(name, plans, alert.began_at)
        return self.text(N_("Review is due: %(what)s"), what=what)

    def protocol(self, named: str) -> str:
        """Name a protocol and its version, as a plan has them in one text."""
        name, _, version = named.rpartition(" ")
        return f"{self.text(texts.PROTOCOLS[name])} {version}" if name in texts.PROTOCOLS else named

    def device(self, profile: str) -> str:
        """Name what a device is, then its model."""
        kind, model = kind_of(profile), model_of(profile)
        return f"{self.text(texts.DEVICES[kind])} {model}" if kind is not None else model

    def source(self, source: str) -> str:
        """Say where a rule comes from: literature as it is cited, or a person."""
        return self.text(source) if source == texts.FITTED else source

    def whole(self, plan: Plan) -> list[tuple[Code, list[str]]]:
        """Say all that a plan watches, code by code; what is expected each day aside."""
        return [(code, said) for code in BY_NUMBER if (said := self.all_of(plan, code))]

    def all_of(self, plan: Plan, code: Code) -> list[str]:
        """Say all that a plan watches of one code: its limits, and what is judged over days."""
        limits = limits_of(plan, code).items()
        said = [f"{self.side(code, side, limit)} {self.unit(code)}" for side, limit in limits]
        return said + self._measured_again(plan, code) + self.watched(plan, code)

    def _measured_again(self, plan: Plan, code: Code) -> list[str]:
        said = N_(
            "before an inner alert the home may be asked to measure again, up to %(minutes)s min"
        )
        return [
            self.text(said, minutes=threshold.measure_again)
            for threshold in plan.thresholds
            if threshold.code == code and threshold.measure_again is not None
        ]

    def watched(self, plan: Plan, code: Code) -> list[str]:
        """Say what a plan watches of one code beside its limits: gains, rules over windows, and
        the combinations that it is part of."""
        gains = [self.gain(gain) for gain in plan.gains if code is Code.WEIGHT]
        rules = [windowed(self, rule) for rule in plan.rules if rule.code == code]
        combined = [
            self.rule_in(plan, one.name)
            for one in plan.combinations
            if any(code_of(rule) is code for rule in one.of)
        ]
        return gains + rules + combined

    def _condition(self, plan: Plan | None, name: str) -> str | None:
        if plan is None:
            return None
        gains = (self.gain(gain) for gain in plan.gains if gain.name == name)
        rules = (windowed(self, rule) for rule in plan.rules if rule.name == name)
        return next(gains, None) or next(rules, None)

    def _combination(self, plan: Plan | None, name: str) -> str | None:
        found = (one for one in plan.combinations if one.name == name) if plan else iter(())
        if (one := next(found, None)) is None:
            return None
        rules = "; ".join(self.rule_in(plan, rule) for rule in one.of)
        said = N_("at least %(count)s of these within %(span)s: %(rules)s")
        return self.text(said, count=one.at_least, span=self.hours_long(one.hours), rules=rules)

    def _newest(self, alert: Alert) -> str:
        code = code_of(alert.rule) or Code.WEIGHT
        if alert.comparator:
            return f"{self.code(code)} {'HI' if alert.comparator > 0 else 'LO'}"
        newest = "" if alert.newest is None else f" {self.value(code, alert.newest)}"
        return f"{self.code(code)}{newest}"

    def gain(self, gain: Gain) -> str:
        """Say a weight gain's limit."""
        days = gain.days
        if gain.more_than is not None:
            kilograms = self.decimal(Code.WEIGHT, gain.more_than)
            said = N_("gained more than %(kilograms)s kg within %(days)s days")
        else:
            kilograms = self.decimal(Code.WEIGHT, gain.at_least or Decimal(0))
            said = N_("gained %(kilograms)s kg or more within %(days)s days")
        return self.text(said, kilograms=kilograms, days=days)

    def _beyond(self, alert: Alert, plan: Plan | None) -> str:
        code, side = _parts(alert.rule)
        if code is None:
            return alert.rule
        worst = ""
        if alert.worst not in (None, alert.newest) and not alert.comparator:
            word = self.text(N_("worst"))
            worst = f" ({word} {self.value(code, alert.worst or 0)})"
        said = self.side(code, side, limit_of(plan, alert.rule))
        return f"{self._newest(alert)}{worst}, {said}"

    def side(self, code: Code, side: str, limit: Decimal | None) -> str:
        """Say a limit with its side."""
        number = "?" if limit is None else self.decimal(code, limit)
        said = N_("below %(limit)s") if side.startswith("low") else N_("above %(limit)s")
        return self.text(said, limit=number)


def plan_at(plans: Sequence[PlanRow], instant: int) -> Plan | None:
    """Return the confirmed plan in force at an instant, as the engine chooses it."""
    row = row_at(plans, instant)
    return row.plan if row else None


def row_at(plans: Sequence[PlanRow], instant: int) -> PlanRow | None:
    """Return the plan version that a doctor confirmed, in force at an instant."""
    found = [
        row
        for row in plans
        if row.version and row.in_force_from is not None and row.in_force_from <= instant
        if row.in_force_until is None or instant < row.in_force_until
    ]
    return max(found, key=lambda row: (row.in_force_from or 0, row.version), default=None)


def source_of(plan: Plan | None, rule: str) -> str | None:
    """Return the protocol or person that a rule comes from."""
    if plan is None:
        return None
    named: list[Gain | WindowRule] = [*plan.gains, *plan.rules]
    code, _ = _parts(rule)
    sources = [row.source for row in named if row.name == rule]
    sources += [row.source for row in plan.thresholds if row.code == code]
    return next(iter(sources), None)


def code_of(rule: str) -> Code | None:
    """Return what a rule watches: its name begins with that, ``missing-`` aside."""
    name = rule.removeprefix(_MISSING)
    return next((code for code in Code if name == code or name.startswith(f"{code}-")), None)


# A page shows many instants, and the next page mostly the same: writing one is slow.
@lru_cache(maxsize=16_384)
def _local_text(language: str, zone_name: str, minute: int, pattern: str) -> str:
    local = to_datetime(minute * MINUTE).astimezone(zone(zone_name))
    return format_datetime(local, pattern, locale=formats(language))


@lru_cache(maxsize=16_384)
def _exact(zone_name: str, second: int) -> str:
    return to_datetime(second * SECOND).astimezone(zone(zone_name)).isoformat(timespec="seconds")


@lru_cache(maxsize=16_384)
def _year_of(zone_name: str, hour: int) -> int:
    return to_datetime(hour * HOUR).astimezone(zone(zone_name)).year


@lru_cache(maxsize=4096)
def _ago(language: str, minutes: int) -> str:
    return format_timedelta(
        timedelta(minutes=minutes),
        granularity="minute",
        threshold=1.5,
        add_direction=True,
        format="short",
        locale=formats(language),
    )


def _parts(rule: str) -> tuple[Code | None, str]:
    for side in SIDES:
        if rule.endswith(f"-{side}") and rule.removesuffix(f"-{side}") in list(Code):
            return Code(rule.removesuffix(f"-{side}")), side
    return None, ""
