"""A protocol: rules with their sources for one population, as data (``server/protocols/*.toml``).

A patient's plan is made of it, with overrides, and watches nothing until a doctor confirms it. A
protocol is taken whole or refused whole, with file, key and reason.
"""

import tomllib
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from server.domain.combinations import Combination
from server.domain.early_warning import SCALE_LOW, EarlyWarning
from server.domain.plans import Expected, Gain, Plan, Threshold, parse_plan, plan_json
from server.domain.window_rules import WindowRule
from server.errors import WrongInput

Text = Annotated[str, Meta(min_length=3, max_length=400)]


class Protocol(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file. Every rule names its own source; ``source`` is where the whole comes from."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9-]{3,40}$")]
    version: Annotated[int, Meta(ge=1)]
    source: Text
    population: Text
    thresholds: list[Threshold] = []
    gains: list[Gain] = []
    rules: list[WindowRule] = []
    combinations: list[Combination] = []
    early_warning: EarlyWarning | None = None
    expected: list[Expected] = []

    def plan(self) -> Plan:
        """Return the plan that the protocol proposes, checked. Raises ``WrongInput``."""
        plan = Plan(
            thresholds=self.thresholds,
            gains=self.gains,
            rules=self.rules,
            combinations=self.combinations,
            early_warning=self.early_warning,
            expected=self.expected,
            protocol=f"{self.name} {self.version}",
        )
        return parse_plan(plan_json(plan))


def fitted(protocol: Protocol, changes: Plan, without: Collection[str], reason: str) -> Plan:
    """Return a protocol's plan as one patient needs it, checked.

    What ``changes`` holds replaces what has its code or name in the protocol, or is added to it;
    ``without`` names rules that are left out, and codes whose limits are. Raises ``WrongInput``:
    among others where something is changed for no reason, or left out that is not there.
    """
    plan = protocol.plan()
    own = {name for name, _ in _named(plan)}
    for name in without:
        if name not in own:
            raise WrongInput(f"without: the protocol {protocol.name} has no {name}")
    if (without or changes != Plan()) and len(reason.strip()) < _REASON_LEAST:
        raise WrongInput("reason: say why the plan differs from its protocol")
    changed = {name for name, _ in _named(changes)}
    fields = {
        field: [
            *(one for one in getattr(plan, field) if _name(one) not in {*without, *changed}),
            *getattr(changes, field),
        ]
        for field in _LISTS
    }
    early_warning = changes.early_warning or plan.early_warning
    chain = {**plan.chain, **changes.chain}
    plan = msgspec.structs.replace(
        plan, **fields, early_warning=early_warning, chain=chain, reason=reason.strip()
    )
    return parse_plan(plan_json(plan))


_REASON_LEAST: Final = 3
_LISTS: Final = ("thresholds", "gains", "rules", "combinations", "expected")


def _named(plan: Plan) -> Iterator[tuple[str, object]]:
    for field in _LISTS:
        for one in getattr(plan, field):
            yield _name(one), one


def _name(one: Threshold | Gain | WindowRule | Combination | Expected) -> str:
    """Return a rule's name; limits are named by their code, what is expected by ``missing-``."""
    if isinstance(one, Expected):
        return f"missing-{one.code}"
    return str(one.code) if isinstance(one, Threshold) else one.name


def parse_protocol(text: str, where: str) -> Protocol:
    """Read a protocol's TOML and check it whole; ``where`` names the file in an error.

    Raises ``WrongInput``.
    """
    try:
        # A limit is a decimal as it is written, never the nearest binary fraction.
        given = tomllib.loads(text, parse_float=Decimal)
        protocol = msgspec.convert(given, Protocol, strict=False)
        if protocol.early_warning and protocol.early_warning.scale == SCALE_LOW:
            raise WrongInput("early_warning scale: 2 is for one patient, set by a doctor")
        protocol.plan()
    except tomllib.TOMLDecodeError as error:
        raise WrongInput(f"{where}: {error}") from error
    except msgspec.ValidationError as error:
        raise WrongInput(f"{where}: {error}") from error
    except WrongInput as error:
        raise WrongInput(f"{where}: {error}") from error
    return protocol
