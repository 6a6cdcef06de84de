"""A plan made of the one that a form shows, and what a person changed in it."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Final

import msgspec

from contract.codes import DEFINITIONS, Code
from server.domain.calls import TRIES
from server.domain.chains import chains_by_name
from server.domain.plan_changes import changes
from server.domain.plans import SIDES, Expected, Plan, Step, Threshold, parse_plan, plan_json
from server.errors import WrongInput

REASON_MAX: Final = 400
STEPS_MAX: Final = 6
_DIGITS_MAX: Final = 10
_Form = Mapping[str, str]


def drafted(base: Plan, form: _Form) -> Plan:
    """Return the plan that a form makes of the one it shows. Raises ``WrongInput`` naming the key.

    Fields: ``CODE-SIDE`` a limit (empty: none), ``keep`` and a rule's name, ``due-CODE`` the time
    by which a measurement is expected (empty: it is not), ``chain-NAME-n-role`` and ``-minutes``
    the steps of a chain (no role: no step), ``call-tries``, ``reason``.
    """
    reason = form.get("reason", "").strip()
    if len(reason) > REASON_MAX:
        raise WrongInput(f"reason: at most {REASON_MAX} characters")
    rules = {
        name: [one for one in getattr(base, name) if f"keep-{one.name}" in form]
        for name in ("gains", "rules", "combinations")
    }
    plan = msgspec.structs.replace(
        base,
        thresholds=[one for old in base.thresholds if (one := _threshold(old, form)) is not None],
        expected=[
            Expected(code=one.code, due=due)
            for one in base.expectations()
            if (due := form.get(f"due-{one.code}", "").strip())
        ],
        call_tries=_tries(base, form),
        reason=reason,
        **rules,
    )
    plan = _told(plan, form)
    if not plan.watched() and plan.early_warning is None:
        raise WrongInput("plan: it watches nothing: an empty plan looks like calm")
    if changes(base, plan) and not reason:
        raise WrongInput("reason: say why the plan differs")
    return parse_plan(plan_json(plan))


def _threshold(old: Threshold, form: _Form) -> Threshold | None:
    limits = {
        side.replace("-", "_"): _limit(f"{old.code}-{side}", form.get(f"{old.code}-{side}", ""))
        for side in SIDES
    }
    if all(limit is None for limit in limits.values()):
        return None
    changed = limits != {side.replace("-", "_"): limit for side, limit in _limits_of(old)}
    source = "fitted to the patient" if changed else old.source
    _check_order(old.code, limits)
    return msgspec.structs.replace(old, **limits, source=source)


def _check_order(code: Code, limits: Mapping[str, Decimal | None]) -> None:
    low, high = DEFINITIONS[code].possible
    given = [
        (side, limit) for side in SIDES if (limit := limits[side.replace("-", "_")]) is not None
    ]
    for side, limit in given:
        if not low <= limit <= high:
            raise WrongInput(f"{code}-{side}: outside of what can be true ({low} to {high})")
    for (_, below), (side, limit) in pairwise(given):
        if limit < below:
            raise WrongInput(f"{code}-{side}: crossed ({limit} after {below})")


def _limits_of(threshold: Threshold) -> list[tuple[str, Decimal | None]]:
    return list(zip(SIDES, threshold.limits(), strict=True))


def _limit(key: str, text: str) -> Decimal | None:
    if not (text := text.strip().replace(",", ".")):
        return None
    try:
        limit = Decimal(text)
    except InvalidOperation as error:
        raise WrongInput(f"{key}: {text!r} is no number") from error
    if not limit.is_finite():
        raise WrongInput(f"{key}: {text!r} is no number")
    return limit


def _tries(base: Plan, form: _Form) -> int | None:
    text = form.get("call-tries", "").strip()
    asked = _whole("call-tries", text) if text else None
    return base.call_tries if asked == (base.call_tries or TRIES) else asked


def _told(plan: Plan, form: _Form) -> Plan:
    """Write the chains that differ from what would hold without them, one after the other: who is
    told that nobody measured goes by the chain of low alerts, where that is the plan's own."""
    for name in chains_by_name(plan):
        steps = _steps(name, form)
        if steps is not None and steps != chains_by_name(plan)[name]:
            plan = msgspec.structs.replace(plan, chain={**plan.chain, name: steps})
    return plan


def _steps(name: str, form: _Form) -> list[Step] | None:
    """Return a chain's steps; None where the form did not show it."""
    keys = [f"chain-{name}-{number}" for number in range(STEPS_MAX)]
    if not any(f"{key}-role" in form for key in keys):
        return None
    told = [key for key in keys if form.get(f"{key}-role")]
    if not told:
        raise WrongInput(f"chain-{name}: somebody must be told")
    steps = [
        {
            "role": form[f"{key}-role"],
            "minutes": _whole(f"{key}-minutes", form.get(f"{key}-minutes", "")),
        }
        for key in told
    ]
    try:
        return msgspec.convert(steps, list[Step])
    except msgspec.ValidationError as error:
        raise WrongInput(f"chain-{name}: {error}") from error


def _whole(key: str, text: str) -> int:
    if not (text.strip().isdecimal() and text.isascii() and len(text) < _DIGITS_MAX):
        raise WrongInput(f"{key}: {text[:40]!r} is no whole number")
    return int(text)
