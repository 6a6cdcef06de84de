"""One transaction's work is bounded by what is in the messages, not only by their number."""

from server.intake.connection import Message
from server.intake.loop import BATCH_BYTES_MAX, bounded
from server.services.storing import Arrival


def messages(*sizes: int) -> list[Message]:
    return [Message(Arrival("gw-1", b"x" * size), mid, 1, 1) for mid, size in enumerate(sizes)]


def test_full_envelopes_are_stored_in_parts_and_in_order() -> None:
    came = messages(*[60_000] * 100)
    parts = list(bounded(came))
    assert [one for part in parts for one in part] == came
    assert [len(part) for part in parts] == [34, 34, 32]
    assert all(60_000 * len(part) <= BATCH_BYTES_MAX for part in parts)


def test_small_ones_stay_together() -> None:
    came = messages(*[700] * 2000)
    assert list(bounded(came)) == [came]


def test_one_that_is_larger_than_a_batch_is_a_batch() -> None:
    came = messages(1, BATCH_BYTES_MAX + 1, 1)
    assert [len(part) for part in bounded(came)] == [1, 1, 1]


def test_a_message_of_no_gateway_is_part_of_a_batch() -> None:
    foreign = Message(None, 1, 1, 1)
    assert list(bounded([foreign])) == [[foreign]]
