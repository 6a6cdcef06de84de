"""Promise 7: every alert can be judged again, with the same verdicts."""

import json
from pathlib import Path

import pytest

from server.__main__ import main
from server.domain.instants import DAY, HOUR
from server.services.explaining import explain
from tests.server.services.test_judging import CUFF, PLAN, beat
from tests.server.world import T0, World


@pytest.fixture
def home(world: World) -> World:
    patient = world.patient()
    world.device(CUFF, patient)
    world.plan(patient, PLAN)
    world.run()
    return world


def explained(world: World) -> dict[str, list[tuple[int, str, bool]]]:
    found = {}
    for alert_id, rule in world.rows("SELECT id, rule FROM alerts ORDER BY id"):
        with world.store.read() as tx:
            _, rows = explain(tx, alert_id)
        found[rule] = [(one.finding.value, one.finding.state, one.equal) for one in rows]
    return found


def test_every_finding_of_every_alert_is_found_again(home: World) -> None:
    for seq, value in enumerate(("165", "190", "150", "162"), 1):
        beat(home, seq, value, T0 + seq * HOUR)
    assert explained(home) == {
        "systolic-high-inner": [
            (1650, "in-force", True),
            (1900, "in-force", True),
            (1620, "in-force", True),
        ],
        "systolic-high-outer": [(1900, "in-force", True)],
    }


def test_what_late_data_superseded_is_not_found_again(home: World) -> None:
    patient = home.patient("P2")
    home.device("AA:BB:CC:DD:EE:02", patient)
    rules = {
        "thresholds": [
            {"code": "systolic", "source": "test", "high_inner": "140", "inner_n": 2, "inner_m": 2}
        ]
    }
    home.plan(patient, rules)
    home.run()
    device = {"device": "AA:BB:CC:DD:EE:02"}
    beat(home, 1, "150", T0 + HOUR, **device)
    beat(home, 2, "152", T0 + 3 * HOUR, **device)
    beat(home, 3, "120", T0 + 2 * HOUR, **device)  # late, between the two
    assert explained(home) == {"systolic-high-inner": [(1520, "superseded", True)]}


def test_a_finding_that_nothing_supports_is_noticed(home: World) -> None:
    beat(home, 1, "190")
    with home.store.write() as tx:
        tx.connection.exec_driver_sql(
            "UPDATE findings SET rule = 'systolic-low-inner' WHERE id = 1"
        )
    found = explained(home)
    assert sorted(equal for rows in found.values() for *_, equal in rows) == [False, True]


def test_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], home: World) -> None:
    beat(home, 1, "190", T0)
    file = tmp_path / "server.toml"
    file.write_text(f'data_dir = "{tmp_path}"\ndatabase = "{home.store.url}"\n', encoding="utf-8")
    assert main(["alert", "explain", "1", "--settings", str(file)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["equal"] is True
    (finding,) = shown["findings"]
    assert (finding["value"], finding["unit"], finding["source"]) == ("190.0", "mm[Hg]", "test")
    assert (finding["gateway"], finding["seq"]) == ("gw-1", 1)
    assert "Rossi" not in json.dumps(shown)
    assert main(["alert", "explain", "99", "--settings", str(file)]) == 1


def test_an_alert_of_silence_has_no_values(home: World) -> None:
    home.now = T0 + DAY
    home.run()
    assert explained(home) == {"missing-systolic": []}
