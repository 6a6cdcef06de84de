"""When what was sent is sent again: decided from instants that are arguments."""

from gateway.uplink.flight import BACK_OFF_SECONDS_MAX, ENVELOPES_MAX, Flight, Sent


def flight(*spans):
    made = Flight(receipt_seconds=30.0)
    for first, last in spans:
        made.add(Sent(first, last, f"hash-{first}", at=100.0))
    return made


def test_only_so_many_envelopes_are_unanswered_at_once():
    made = flight(*((n, n) for n in range(1, ENVELOPES_MAX)))
    assert made.has_room()
    made.add(Sent(ENVELOPES_MAX, ENVELOPES_MAX, "", 100.0))
    assert not made.has_room()


def test_nothing_on_its_way_is_never_overdue():
    assert not flight().overdue(1e9)
    assert flight().wait_seconds(0.0) is None


def test_the_oldest_envelope_decides():
    made = flight((1, 50))
    made.add(Sent(51, 60, "", at=120.0))
    assert not made.overdue(129.9)
    assert made.wait_seconds(129.0) == 1.0
    assert made.overdue(130.0)


def test_a_receipt_lands_what_it_covers_whole():
    made = flight((1, 50), (51, 100))
    made.receipted(70)
    assert made.find("hash-1") is None
    assert made.find("hash-51") is not None
    assert made.last == 100


def test_each_miss_waits_longer_up_to_a_limit():
    made = flight((1, 1))
    for expected in (60.0, 120.0, 240.0, 480.0, BACK_OFF_SECONDS_MAX, BACK_OFF_SECONDS_MAX):
        made.miss()
        made.add(Sent(1, 1, "", at=0.0))
        assert made.wait_seconds(0.0) == expected


def test_while_receipts_are_missing_one_envelope_finds_out():
    made = flight((1, 1))
    made.miss()
    assert made.has_room()
    made.add(Sent(1, 1, "", 0.0))
    assert not made.has_room()


def test_the_first_receipt_after_a_miss_says_that_they_are_back():
    made = flight((1, 1))
    made.miss()
    made.add(Sent(1, 1, "", 0.0))
    assert made.receipted(1)
    assert not made.missing


def test_a_receipt_for_nothing_on_its_way_says_nothing():
    made = flight((5, 5))
    made.miss()
    made.add(Sent(5, 5, "", 0.0))
    assert not made.receipted(4)
    assert made.missing
