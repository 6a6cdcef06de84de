"""What a status that says "too high" or "too low" makes of the number beside it."""

from decimal import Decimal

from gateway.codecs.decoded import Above, Below, Number


def comparator(sent: Number | None, *, above: bool, below: bool) -> Above | Below | None:
    """Return the comparator that the status says, with the number sent as its limit.

    None when it says neither or both, or when what was sent is a comparator already.
    """
    if isinstance(sent, Above | Below) or above == below:
        return None
    limit = sent if isinstance(sent, Decimal) else None
    return Above(limit) if above else Below(limit)
