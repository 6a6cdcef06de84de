"""What two values that belong together say together."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from contract.messages import KIND_DOUBTED
from gateway.codecs.decoded import Decoded

# The device says that a context follows, and none came.
CONTEXT_MISSING: Final = "context-missing"
_RESERVED: Final = "reserved-"


def with_context(glucose: Decoded, context: Decoded) -> Decoded:
    """Add a glucose record's context: its meal as a flag.

    A reserved meal is how some meters (CareSens, GlucoMen) mark a ketone result that they send as
    glucose. Taken at face value it would be a hypoglycaemia that is none.
    """
    meal = context.words.get("meal")
    if meal is None:
        return glucose
    said = KIND_DOUBTED if meal.startswith(_RESERVED) else meal
    return replace(glucose, flags=(*(glucose.flags or ()), said))


def with_weight(composition: Decoded, weight: Decoded) -> Decoded:
    """Give a body composition the time and user of its weight, and leave the weight to that.

    Body Composition Service 1.0.1: time and user may be left out where the weight has them. Where
    the weighing failed, the composition's own weight is all there is.
    """
    weighed = any(isinstance(one.number, Decimal) for one in weight.quantities)
    return replace(
        composition,
        quantities=tuple(
            one for one in composition.quantities if one.name != "weight" or not weighed
        ),
        time=weight.time if composition.time is None else composition.time,
        user=weight.user if composition.user is None else composition.user,
    )


def belongs(composition: Decoded, weight: Decoded) -> bool:
    """Tell whether both are of the same weighing: same time and user, where both say them."""
    times, users = (
        {composition.time, weight.time} - {None},
        {composition.user, weight.user} - {None},
    )
    return len(times) <= 1 and len(users) <= 1
