"""Two gateways hear one broadcast: one weighing, or one more that is held (hazard H12)."""

from server.domain.instants import DAY
from tests.server.world import T0, World, envelope, wire

SCALE = "C0:00:00:00:00:09"


def hear(world: World, gateway: str, raw: str, characteristic: str = "181d") -> None:
    profile = "xiaomi_mi_scale_1"
    more = {"device": SCALE, "raw": raw, "profile": profile, "characteristic": characteristic}
    world.send(envelope(gateway, [wire(1, 7, {"weight": "80"}, world.now, **more)], 1))


def fates(world: World) -> list[tuple[str, str | None]]:
    return world.rows("SELECT fate, reason FROM measurements ORDER BY epoch_id")


def at_home(world: World) -> None:
    world.device(SCALE, world.patient(), T0 - 30 * DAY)
    with world.store.write() as tx:
        tx.directory.add_gateway("gw-2", world.chc, world.now, None)


def test_the_same_bytes_are_one_weighing(world: World) -> None:
    at_home(world)
    hear(world, "gw-1", "22")
    hear(world, "gw-2", "22")
    assert [fate for fate, _ in fates(world)] == ["stored", "duplicate"]


def test_heard_a_moment_later_it_is_held(world: World) -> None:
    at_home(world)
    hear(world, "gw-1", "22")
    hear(world, "gw-2", "a2")
    assert fates(world) == [("stored", None), ("held", "probable-duplicate")]


def test_only_what_is_broadcast_is_doubted_so(world: World) -> None:
    at_home(world)
    hear(world, "gw-1", "22", "2a9d")
    hear(world, "gw-2", "a2", "2a9d")
    assert [fate for fate, _ in fates(world)] == ["stored", "stored"]
