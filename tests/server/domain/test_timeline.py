"""Which version rules when."""

import pytest

from server.domain.timeline import FOREVER, Piece, pieces


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([(5, FOREVER)], [(0, 5, FOREVER)]),
        ([(5, FOREVER), (9, FOREVER)], [(0, 5, 9), (1, 9, FOREVER)]),
        ([(9, FOREVER), (5, FOREVER)], [(1, 5, 9), (0, 9, FOREVER)]),
        ([(5, FOREVER), (5, FOREVER)], [(1, 5, FOREVER)]),
        ([(0, FOREVER), (5, 9)], [(0, 0, 5), (1, 5, 9), (0, 9, FOREVER)]),
        ([(5, 9)], [(0, 5, 9), (None, 9, FOREVER)]),
        ([(2, 4), (7, 9)], [(0, 2, 4), (None, 4, 7), (1, 7, 9), (None, 9, FOREVER)]),
        (
            [(0, FOREVER), (5, 20), (10, 15)],
            [(0, 0, 5), (1, 5, 10), (2, 10, 15), (1, 15, 20), (0, 20, FOREVER)],
        ),
        ([(0, FOREVER), (5, 20), (10, 30)], [(0, 0, 5), (1, 5, 10), (2, 10, 30), (0, 30, FOREVER)]),
    ],
)
def test_the_one_that_began_last_rules_and_at_its_end_the_one_before(
    spans: list[tuple[int, int]], expected: list[Piece]
) -> None:
    assert pieces(spans) == [Piece._make(one) for one in expected]
