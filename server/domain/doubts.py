"""Why a measurement is held whoever its device was with: pure.

Attribution says whose it is; these say that a person must look at it all the same. They are facts
of how it came, so they are the same when the dates of an assignment are corrected.
"""

from dataclasses import replace
from typing import Final

from contract.messages import Measurement
from contract.profiles import is_broadcast
from server.domain.attribution import Attribution, Fate

FOREIGN: Final = "gateway-of-another-chc"
HEARD_TWICE: Final = "probable-duplicate"


def is_heard_twice(measurement: Measurement, content: bytes | None) -> bool:
    """Tell whether another gateway heard the same broadcast, a moment before or after (hazard H12):
    then its content is stored under an id that is not the one it was sent with."""
    own = content is not None and content.hex() != measurement.content_id
    return own and is_broadcast(measurement.profile, measurement.characteristic)


def held(verdict: Attribution, *, foreign: bool, heard_twice: bool) -> Attribution:
    """Return the verdict, or that it is held for what it came by."""
    if heard_twice:
        return replace(verdict, fate=Fate.HELD, reason=HEARD_TWICE)
    if foreign and verdict.fate is Fate.STORED:
        return replace(verdict, fate=Fate.HELD, reason=FOREIGN)
    return verdict
