"""A protocol: rules with their sources for one population, as data (``server/protocols/*.toml``).

A patient's plan is made of it, with overrides, and watches nothing until a doctor confirms it. A
protocol is taken whole or refused whole, with file, key and reason.
"""

import tomllib
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

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
    expected: list[Expected] = []

    def plan(self) -> Plan:
        """Return the plan that the protocol proposes, checked. Raises ``WrongInput``."""
        plan = Plan(
            thresholds=self.thresholds,
            gains=self.gains,
            rules=self.rules,
            expected=self.expected,
        )
        return parse_plan(plan_json(plan))


def parse_protocol(text: str, where: str) -> Protocol:
    """Read a protocol's TOML and check it whole; ``where`` names the file in an error.

    Raises ``WrongInput``.
    """
    try:
        # A limit is a decimal as it is written, never the nearest binary fraction.
        given = tomllib.loads(text, parse_float=Decimal)
        protocol = msgspec.convert(given, Protocol, strict=False)
        protocol.plan()
    except tomllib.TOMLDecodeError as error:
        raise WrongInput(f"{where}: {error}") from error
    except msgspec.ValidationError as error:
        raise WrongInput(f"{where}: {error}") from error
    except WrongInput as error:
        raise WrongInput(f"{where}: {error}") from error
    return protocol
