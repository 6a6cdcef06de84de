"""Which of several versions rules when, where some have an end."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

FOREVER: Final = 2**62


class Piece(NamedTuple):
    """From ``start`` until before ``end`` the version at ``place`` rules; None: none does."""

    place: int | None
    start: int
    end: int


def pieces(spans: Sequence[tuple[int, int]]) -> list[Piece]:
    """Cut time where another version begins to rule, given each version's from and until.

    The one that began last rules, of two that began together the later in ``spans``. Where it
    ends, the one before rules again: an end never leaves unwatched what was watched before.
    """
    found: list[Piece] = []
    edges = sorted({edge for span in spans for edge in span} | {FOREVER})
    for start, end in pairwise(edges):
        ruling = [place for place, (since, until) in enumerate(spans) if since <= start < until]
        place = max(ruling, key=lambda one: (spans[one][0], one), default=None)
        if found and found[-1].place == place:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Piece(place, start, end))
    return found
