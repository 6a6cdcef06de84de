"""Rules over windows in words: what is watched over which time, and by how much."""

from typing import Final

from server.domain.window_rules import (
    Average,
    Baseline,
    Change,
    Crossover,
    Slope,
    Spread,
    WindowRule,
)
from server.web.catalogues import N_
from server.web.numbers import Numbers, written

# A mean is itself beyond a limit, all others differ from something by more than the bound.
_LIMITS: Final = {
    ("rise", False): N_("above %(limit)s"),
    ("rise", True): N_("%(limit)s or above"),
    ("fall", False): N_("below %(limit)s"),
    ("fall", True): N_("%(limit)s or below"),
}


def windowed(w: Numbers, rule: WindowRule) -> str:
    """Say what a rule watches, its bound with the unit, its window and its side."""
    return f"{_what(w, rule)}: {_bound(w, rule)}"


def _what(w: Numbers, rule: WindowRule) -> str:
    rises = rule.side == "rise"
    match rule:
        case Change(hours=hours):
            rise = N_("rise from the lowest value within %(span)s")
            fall = N_("fall from the highest value within %(span)s")
            return w.text(rise if rises else fall, span=w.hours_long(hours))
        case Crossover(short=short, long=long):
            rise = N_("mean over %(short)s above the mean over %(long)s")
            fall = N_("mean over %(short)s below the mean over %(long)s")
            return w.text(rise if rises else fall, short=w.days(short), long=w.days(long))
        case Baseline(days=days):
            rise = N_("above the usual mean over %(span)s")
            fall = N_("below the usual mean over %(span)s")
            return w.text(rise if rises else fall, span=w.days(days))
        case Spread(days=days):
            return w.text(N_("scatter about the trend over %(span)s"), span=w.days(days))
        case Slope(days=days):
            rise, fall = N_("rising over %(span)s"), N_("falling over %(span)s")
            return w.text(rise if rises else fall, span=w.days(days))
        case Average():
            return w.text(N_("average of seven days, mornings and evenings"))


def _bound(w: Numbers, rule: WindowRule) -> str:
    limit = _with_unit(w, rule)
    inclusive = rule.at_least is not None
    if isinstance(rule, Average):
        return w.text(_LIMITS[rule.side, inclusive], limit=limit)
    said = N_("at least %(limit)s") if inclusive else N_("more than %(limit)s")
    return w.text(said, limit=limit)


def _with_unit(w: Numbers, rule: WindowRule) -> str:
    if isinstance(rule, Baseline):
        number = written(w.language, "#,##0.###", rule.bound)
        return w.text(N_("%(number)s standard deviations"), number=number)
    if isinstance(rule, Change) and rule.percent:
        number = written(w.language, "#,##0.###", rule.bound)
        return w.text(N_("%(number)s %% of it"), number=number)
    value = f"{w.decimal(rule.code, rule.bound)} {w.unit(rule.code)}"
    return w.text(N_("%(value)s a day"), value=value) if isinstance(rule, Slope) else value
