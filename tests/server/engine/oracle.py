"""What the rules say, slow and obvious: imports nothing of the engine.

Values are exact decimals here, not scaled integers; a comparator is plus or minus infinity. Every
finding is recomputed from the whole sorted series each time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

INFINITY = Decimal("Infinity")


@dataclass(frozen=True)
class Seen:
    """One believed observation: instant (ms), content id (hex), code, value."""

    at: int
    content_id: str
    code: str
    value: Decimal


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
    return found


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


def _day(at: int, zone: str) -> int:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return moment.astimezone(ZoneInfo(zone)).date().toordinal()
