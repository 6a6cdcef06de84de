"""Settings given to a gateway: checked, and told until it says what became of them."""

import pytest

from contract.messages import Configuration, Heartbeat, encoder
from server.errors import NotFound, WrongInput
from server.services import configuring
from server.services.storing import Arrival
from tests.server.world import EPOCH, T0, World

CUFF = "AA:BB:CC:DD:EE:01"
GIVEN = {"devices": [CUFF], "models": {CUFF: "and_ua651ble"}, "zone": "Europe/Rome"}


def configured(world: World, given: dict[str, object]) -> int:
    with world.store.write() as tx:
        return configuring.configure(tx, "gw-1", given, "ada", T0)


def told(world: World, **said: object) -> list[Configuration]:
    """Send a heartbeat and return the settings that come back."""
    beat = Heartbeat(
        gateway="gw-1", epoch=EPOCH, seq=1, sent_at=T0, clock="synchronised", outbox_depth=0, **said
    )
    answers = world.send(Arrival("gw-1", encoder.encode(beat)))
    return [one for one in answers if isinstance(one, Configuration)]


def test_it_is_told_with_each_heartbeat_until_it_is_in_force(world: World) -> None:
    assert told(world) == []
    assert configured(world, GIVEN) == 1
    expected = Configuration(gateway="gw-1", version=1, **GIVEN)
    assert told(world) == [expected]
    assert told(world) == [expected]
    assert told(world, configuration=1) == []
    assert configured(world, {"zone": "Europe/Paris"}) == 2
    assert told(world, configuration=1) == [
        Configuration(gateway="gw-1", version=2, zone="Europe/Paris")
    ]


def test_what_it_refused_is_not_told_again(world: World) -> None:
    configured(world, GIVEN)
    because = {"configuration_refused": 1, "configuration_refused_because": "no profile"}
    assert told(world, **because) == []
    assert configured(world, {}) == 2
    assert told(world, **because) == [Configuration(gateway="gw-1", version=2)]


def test_a_server_put_back_from_an_older_copy_gives_newer_numbers(world: World) -> None:
    configured(world, GIVEN)
    assert told(world, configuration=7) == []
    assert configured(world, GIVEN) == 8


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"broker": "mqtts://elsewhere:8883"}, "broker: no such setting"),
        ({"heartbeat_seconds": 5}, "heartbeat_seconds"),
        ({"heartbeat_seconds": 301}, "at most 300, or the gateway is called silent"),
        ({"heartbeat_seconds": "60"}, "heartbeat_seconds"),
        ({"devices": ["AA:BB"]}, "devices"),
        ({"models": {CUFF: "no_such_model"}}, "no_such_model"),
        ({"zone": "Europe/Roma"}, "Europe/Roma"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"gateway": "gw-2"}, "gateway: no such setting"),
    ],
)
def test_wrong_settings_are_refused_here_with_their_key(
    world: World, given: dict[str, object], said: str
) -> None:
    with pytest.raises(WrongInput, match=said):
        configured(world, given)
    assert told(world) == []


def test_nobody_configures_a_gateway_that_is_not_there(world: World) -> None:
    with world.store.write() as tx, pytest.raises(NotFound):
        configuring.configure(tx, "gw-9", {}, "ada", T0)


def test_who_gave_what_is_on_the_record(world: World) -> None:
    configured(world, GIVEN)
    ((who, detail),) = world.rows("SELECT who, detail FROM audit WHERE what='gateway-configured'")
    assert who == "ada"
    assert '"version":1' in detail
