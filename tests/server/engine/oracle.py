"""What the rules say, slow and obvious: imports nothing of the engine.

Values are exact decimals here, not scaled integers; a comparator is plus or minus infinity. Every
finding is recomputed from the whole sorted series each time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

INFINITY = Decimal("Infinity")


@dataclass(frozen=True)
class Seen:
    """One believed observation: instant (ms), content id (hex), code, value."""

    at: int
    content_id: str
    code: str
    value: Decimal
    flagged: bool = False


@dataclass(frozen=True)
class Version:
    number: int
    from_at: int
    zone: str
    plan: dict


def findings(seen: list[Seen], versions: list[Version]) -> set[tuple[str, int, int, str]]:
    """Return (rule, version, at, content id) of every finding in force."""
    found = set()
    for code in {one.code for one in seen}:
        series = sorted((s for s in seen if s.code == code), key=lambda s: (s.at, s.content_id))
        for side in ("low", "high"):
            for level in ("outer", "inner"):
                found |= _threshold(series, versions, code, side, level)
        if code == "weight":
            found |= _gains(series, versions)
        found |= _windows(series, versions, code)
    return found | _combinations(found, versions)


def _combinations(found, versions):
    met = set()
    for _rule, number, at, content in found:
        plan = next(v.plan for v in versions if v.number == number)
        for one in plan.get("combinations", []):
            before = {
                rule
                for rule, _, when, _ in found
                if rule in one["of"] and 0 <= at - when <= one["hours"] * 3_600_000
            }
            if _rule in one["of"] and len(before) >= one["at_least"]:
                met.add((one["name"], number, at, content))
    return met


def _version_at(versions: list[Version], at: int) -> Version | None:
    before = [v for v in versions if v.from_at <= at]
    return max(before, key=lambda v: (v.from_at, v.number)) if before else None


def _threshold(series, versions, code, side, level):
    found, holding, past = set(), False, []
    for one in series:
        version = _version_at(versions, one.at)
        rules = (
            [r for r in version.plan.get("thresholds", []) if r["code"] == code] if version else []
        )
        limit = rules[0].get(f"{side}_{level}") if rules else None
        if limit is None:
            past.append(False)
            holding = False
            continue
        limit, slack = Decimal(limit), Decimal(rules[0].get("hysteresis", "0"))
        n = rules[0].get("inner_n", 1) if level == "inner" else 1
        m = rules[0].get("inner_m", 1) if level == "inner" else 1
        beyond = one.value > limit if side == "high" else one.value < limit
        near = one.value > limit - slack if side == "high" else one.value < limit + slack
        past.append(beyond)
        extreme = beyond and abs(one.value) == INFINITY  # LO or HI is enough alone
        holding = past[-m:].count(True) >= n or (holding and near) or extreme
        if holding and beyond:
            found.add((f"{code}-{side}-{level}", version.number, one.at, one.content_id))
    return found


def _gains(series, versions):
    found = set()
    for one in series:
        version = _version_at(versions, one.at)
        if version is None or abs(one.value) == INFINITY:
            continue
        today = _day(one.at, version.zone)
        firsts: dict[int, Decimal] = {}
        for other in series:
            if abs(other.value) != INFINITY and (other.at, other.content_id) < (
                one.at,
                one.content_id,
            ):
                firsts.setdefault(_day(other.at, version.zone), other.value)
        for gain in version.plan.get("gains", []):
            bases = [
                firsts[today - back]
                for back in range(1, gain["days"] + 1)
                if today - back in firsts
            ]
            if not bases:
                continue
            gained = one.value - min(bases)
            strict = "more_than" in gain
            if (
                gained > Decimal(gain["more_than"])
                if strict
                else gained >= Decimal(gain["at_least"])
            ):
                found.add((gain["name"], version.number, one.at, one.content_id))
    return found


def _windows(series, versions, code):
    found = set()
    numbers = [one for one in series if abs(one.value) != INFINITY]
    for place, one in enumerate(numbers):
        version = _version_at(versions, one.at)
        for rule in version.plan.get("rules", []) if version else ():
            if rule["code"] == code and _WINDOWS[rule["kind"]](rule, numbers[:place], one, version):
                found.add((rule["name"], version.number, one.at, one.content_id))
    return found


def _more(rule, left, right_of):
    """Compare with the rule's bound, strictly or not; ``right_of`` makes its side of the bound."""
    if "more_than" in rule:
        return left > right_of(Fraction(rule["more_than"]))
    return left >= right_of(Fraction(rule["at_least"]))


def _sign(rule):
    return 1 if rule["side"] == "rise" else -1


def _change(rule, before, one, version):
    window = [
        Fraction(other.value) for other in before if other.at >= one.at - rule["hours"] * 3_600_000
    ]
    if not window:
        return False
    base = min(window) if rule["side"] == "rise" else max(window)
    change = _sign(rule) * (Fraction(one.value) - base)
    return _more(rule, change, lambda bound: bound * base / 100 if rule.get("percent") else bound)


def _in_days(rule_days, before, one, version, *, own=True):
    """Return (day, value) of the steady values of the last days, the own one among them or not."""
    today = _day(one.at, version.zone)
    steady = [other for other in [*before, one] if not other.flagged]
    days = [(_day(other.at, version.zone), Fraction(other.value)) for other in steady]
    newest = today if own else today - 1
    return [pair for pair in days if newest - rule_days < pair[0] <= newest]


def _mean(pairs):
    return sum(value for _, value in pairs) / len(pairs)


def _crossover(rule, before, one, version):
    long = _in_days(rule["long"], before, one, version)
    short = _in_days(rule["short"], before, one, version)
    if len(long) < rule.get("least", 3) or not short:
        return False
    return _more(rule, _sign(rule) * (_mean(short) - _mean(long)), lambda bound: bound)


def _baseline(rule, before, one, version):
    window = _in_days(rule["days"], before, one, version, own=False)
    if len(window) < rule.get("least", 5):
        return False
    mean = _mean(window)
    variance = sum((value - mean) ** 2 for _, value in window) / (len(window) - 1)
    off = _sign(rule) * (Fraction(one.value) - mean)
    # Both sides squared: a root is no fraction.
    return off > 0 and _more(rule, off**2, lambda bound: bound**2 * variance)


def _line(window):
    mean_day, mean = Fraction(sum(day for day, _ in window), len(window)), _mean(window)
    wide = sum((day - mean_day) ** 2 for day, _ in window)
    slope = sum((day - mean_day) * (v - mean) for day, v in window) / wide if wide else Fraction(0)
    residual = sum((v - mean - slope * (day - mean_day)) ** 2 for day, v in window)
    return slope, residual


def _spread(rule, before, one, version):
    window = _in_days(rule["days"], before, one, version)
    if len(window) < rule.get("least", 6):
        return False
    _, residual = _line(window)
    return _more(rule, residual / (len(window) - 2), lambda bound: bound**2)


def _slope(rule, before, one, version):
    window = _in_days(rule["days"], before, one, version)
    firsts = {}
    for day, value in window:
        firsts.setdefault(day, value)
    if len(firsts) < rule.get("least", 4):
        return False
    bound = Fraction(rule.get("more_than") or rule["at_least"])
    slope = _sign(rule) * _line(window)[0]
    if slope > bound * 3 / 2 or slope <= bound / 2:
        return slope > bound
    days = sorted(firsts)
    rises = [
        _sign(rule) * (firsts[late] - firsts[early]) / (late - early)
        for at, early in enumerate(days)
        for late in days[at + 1 :]
    ]
    return sum(_more(rule, rise, lambda same: same) for rise in rises) * 2 > len(rises)


def _average(rule, before, one, version):
    today = _day(one.at, version.zone)
    halves: dict[tuple[int, bool], list[Fraction]] = {}
    for other in [*before, one]:
        local = _local(other.at, version.zone)
        day = local.date().toordinal()
        if not other.flagged and today - 7 < day <= today:
            halves.setdefault((day, local.hour >= 12), []).append(Fraction(other.value))
    first = min((day for day, _ in halves), default=None)
    counted = [value for (day, _), half in halves.items() if day != first for value in half[:2]]
    if len(counted) < rule.get("least", 12):
        return False
    mean = _sign(rule) * sum(counted) / len(counted)
    return _more(rule, mean, lambda bound: _sign(rule) * bound)


_WINDOWS = {
    "change": _change,
    "crossover": _crossover,
    "baseline": _baseline,
    "spread": _spread,
    "slope": _slope,
    "average": _average,
}


def _local(at: int, zone: str) -> datetime:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return moment.astimezone(ZoneInfo(zone))


def _day(at: int, zone: str) -> int:
    return _local(at, zone).date().toordinal()
