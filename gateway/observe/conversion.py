"""Units as devices send them into the unit of their code: in Decimal, rounded half up once.

A value that needs no conversion keeps the device's digits; kg/L to mg/dL only moves the point.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final

from contract.codes import DEFINITIONS, Code
from gateway.codecs.decoded import Above, Below, Number, Quantity

MMHG_PER_KPA: Final = Decimal("7.50062")
KG_PER_LB: Final = Decimal("0.45359237")
KG_PER_JIN: Final = Decimal("0.5")  # a market catty
MG_DL_PER_MMOL_L: Final = Decimal("18.016")
M_PER_IN: Final = Decimal("0.0254")
_HEIGHT_STEP: Final = Decimal("0.001")
# A FLOAT may be 8388607e127: exact in 300 digits, and never a trap.
_CONTEXT: Final = Context(prec=300, rounding=ROUND_HALF_UP)

_CONVERT: Final[dict[str, Callable[[Decimal], Decimal]]] = {
    "kPa": lambda kpa: kpa * MMHG_PER_KPA,
    "lb": lambda lb: lb * KG_PER_LB,
    "jin": lambda jin: jin * KG_PER_JIN,
    "F": lambda fahrenheit: (fahrenheit - 32) * 5 / 9,
    "mol/L": lambda mol_l: mol_l.scaleb(3) * MG_DL_PER_MMOL_L,
    "in": lambda inches: inches * M_PER_IN,
}
_MOVE_POINT: Final = {
    ("glucose", "kg/L"): 5,
    ("carbohydrate", "kg"): 3,
    ("medication-mass", "kg"): 6,
    ("medication-volume", "L"): 3,
}
# What has no code is rounded like the code it is kin to.
_KIN: Final = {
    "cuff-pressure": Code.SYSTOLIC,
    "intermediate-temperature": Code.TEMPERATURE,
    "muscle-mass": Code.WEIGHT,
    "fat-free-mass": Code.WEIGHT,
    "soft-lean-mass": Code.WEIGHT,
    "body-water-mass": Code.WEIGHT,
}


def converted(quantity: Quantity) -> Number:
    """Return the quantity's number in its code's unit; a comparator's limit is converted too."""
    match quantity.number:
        case Decimal() as value:
            return _value(quantity, value)
        case Above(Decimal() as limit):
            return Above(_value(quantity, limit))
        case Below(Decimal() as limit):
            return Below(_value(quantity, limit))
        case other:
            return other


def _value(quantity: Quantity, value: Decimal) -> Decimal:
    with localcontext(_CONTEXT):
        if convert := _CONVERT.get(quantity.unit):
            return convert(value).quantize(_step(quantity))
        return value.scaleb(_MOVE_POINT.get((quantity.name, quantity.unit), 0))


def _step(quantity: Quantity) -> Decimal:
    if quantity.name == "height":
        return _HEIGHT_STEP
    return DEFINITIONS[_KIN.get(quantity.name) or Code(quantity.name)].step


def plain(value: Decimal) -> str:
    """Write a decimal with its own digits and no exponent: 36.40, 120, 0.05."""
    return format(value, "f")
