"""The chart store says what the observations say, and can be made anew from them."""

from sqlalchemy import delete, update

from contract.codes import DEFINITIONS, Code
from server.domain.instants import DAY
from server.services.following import follow_charts
from server.stores import tables as t
from server.stores.charts import CHARTS_CURSOR
from tests.server.world import T0, envelope, wire

CUFF = "AA:BB:CC:DD:EE:01"
SYSTOLIC = DEFINITIONS[Code.SYSTOLIC].number


def follow(world):
    while follow_charts(world.store, world.now):
        pass


def charted(world, patient):
    with world.store.read() as tx:
        points = tx.charts.read(patient, SYSTOLIC, 0, world.now)
    return [(int(point["at"]), int(point["value"])) for point in points]


def observed(world, patient):
    return world.rows(
        "select m.measured_at, o.value from measurements m join observations o"
        " on o.epoch_id = m.epoch_id and o.seq = m.seq"
        f" where m.patient_id = {patient} and o.code = {SYSTOLIC} order by m.measured_at"
    )


def measured(world, days):
    """Take one blood pressure for each day before now, in the order given."""
    first = world.rows("select coalesce(max(seq), 0) from measurements")[0][0] + 1
    batch = [
        wire(seq, 1000 + day, {"systolic": str(100 + day % 90)}, T0 - day * DAY)
        for seq, day in enumerate(days, first)
    ]
    for start in range(0, len(batch), 50):
        part = batch[start : start + 50]
        world.send(envelope("gw-1", part, part[0].seq))


def test_charts_follow_whatever_the_order_and_can_be_made_anew(world):
    patient = world.patient()
    world.device(CUFF, patient)
    measured(world, [3, 90, 1, 40, 2])
    world.run()
    follow(world)
    measured(world, [60, 200, 4, *range(5, 40)])  # late ones fall into blobs that are there
    world.run()
    follow(world)
    assert charted(world, patient) == observed(world, patient)
    assert len(charted(world, patient)) == 43
    before = world.rows("select * from chart_blobs order by patient_id, code, month")
    with world.store.write() as tx:
        tx.connection.execute(delete(t.chart_blobs))
        cursor = update(t.cursors).where(t.cursors.c.partition == CHARTS_CURSOR)
        tx.connection.execute(cursor.values(position=0))
    assert charted(world, patient) == []
    follow(world)
    assert world.rows("select * from chart_blobs order by patient_id, code, month") == before


def test_charts_never_run_ahead_of_what_was_judged(world):
    patient = world.patient()
    world.device(CUFF, patient)
    measured(world, [1, 2])
    follow(world)
    assert charted(world, patient) == []
