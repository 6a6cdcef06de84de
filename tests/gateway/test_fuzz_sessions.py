"""Any device at all: the parts of a session read what it says or refuse it, and lose nothing."""

from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract.profiles import profiles
from gateway.ble.joiner import Joiner
from gateway.ble.omron_frames import Assembly, reply
from gateway.ble.records import Reading, Step
from gateway.errors import DecodeError

anything = st.binary(max_size=70)


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=70)), max_size=12))
def test_whatever_comes_on_the_channels_is_a_frame_or_none(parts):
    assembly = Assembly()
    for channel, part in parts:
        frame = assembly.arrived(channel, part)
        if frame is None:
            continue
        with suppress(DecodeError):
            assert len(reply(frame).data) <= len(frame)


@given(anything)
def test_whatever_the_control_point_says_is_judged_or_refused(value):
    reading = Reading(None, now=0.0)
    with suppress(DecodeError):
        assert reading.answered(value) in Step


@given(
    st.sampled_from(["generic_glucose_meter", "generic_weight_scale"]),
    st.lists(st.tuples(st.booleans(), anything), max_size=10),
)
def test_every_record_that_came_is_stored_once_whatever_came_beside_it(name, values):
    sources = profiles()[name].measurement
    joiner = Joiner(profiles()[name])
    stored = []
    for is_first, value in values:
        stored += joiner.arrived(sources[not is_first].characteristic_uuid, value)
    stored += joiner.rest()
    own = sources[0].characteristic_uuid
    came = [value for is_first, value in values if is_first]
    assert [one.raw for one in stored if one.characteristic == own] == came


@dataclass
class Meter:
    """A meter as it may be: it measures, is reset, and forgets; every record has other bytes."""

    records: list[tuple[int, bytes]] = field(default_factory=list)
    next_number: int = 1
    made: int = 0

    def measure(self):
        self.made += 1
        self.records.append((self.next_number, b"%d" % self.made))
        self.next_number = self.next_number % 0xFFFF + 1

    def reset(self):
        self.records, self.next_number = [], 1

    def jump(self):
        """Be near the last number that a record can have."""
        self.next_number = max(self.next_number, 0xFFFD)

    def forget(self):
        del self.records[:1]

    def chosen(self, request):
        if len(request) == 2:
            return list(self.records)
        least = int.from_bytes(request[3:], "little")
        return [record for record in self.records if record[0] >= least]


def read_out(meter, last, stored, now, lost_after):
    """Read it as a session does; the link is lost after so many records, or not at all."""
    reading = Reading(last, now)
    for _ in range(2):
        chosen = meter.chosen(reading.request)
        for number, raw in chosen:
            if lost_after == 0:
                return reading.last, False
            lost_after = None if lost_after is None else lost_after - 1
            stored.add(raw)
            reading.took(number, raw, is_on_disk=True)
        answer = bytes((6, 0, 1, 1 if chosen else 6))
        if reading.answered(answer) is Step.ENDED:
            return reading.last, True
    raise AssertionError("a memory is asked for twice at most")


moves = st.lists(
    st.sampled_from(["measure", "measure", "measure", "reset", "jump", "forget", "read", "restart"])
    | st.tuples(st.just("lose"), st.integers(0, 6)),
    max_size=40,
)


@settings(max_examples=1000, deadline=None)
@given(moves)
@example(["jump", "measure", "measure", "read", "measure", "measure", "read"])
def test_after_a_good_transfer_everything_that_a_meter_has_is_stored(moves):
    meter, last, stored = Meter(), None, set()
    for now, move in enumerate(moves):
        match move:
            case "read":
                last, _ = read_out(meter, last, stored, float(now), None)
                assert {raw for _, raw in meter.records} <= stored
            case "lose", after:
                last, is_whole = read_out(meter, last, stored, float(now), after)
                assert not is_whole or {raw for _, raw in meter.records} <= stored
            case "restart":
                last = None
            case _:
                getattr(meter, move)()
