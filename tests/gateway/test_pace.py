"""Of a stream one value in a while is a measurement."""

from contract.profiles import profiles
from gateway.ble.pace import Pace


def test_a_stream_makes_a_measurement_every_few_seconds():
    pace = Pace(profiles()["contec_cms50d_bt"])
    assert [pace.allows("ff02", now) for now in (0.0, 1.0, 4.9, 5.0, 9.9)] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_what_is_no_stream_is_all_taken():
    pace = Pace(profiles()["generic_blood_pressure"])
    assert pace.allows("2a35", 0.0)
    assert pace.allows("2a35", 0.0)
