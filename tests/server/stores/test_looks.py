"""Looks are read from the record: who, when, and when before."""

from server.ports.looks import Look
from tests.server.world import T0


def test_the_last_look_and_the_one_before_are_those_at_the_patient(world):
    first, second = world.patient("P1"), world.patient("P2")
    with world.store.write() as tx:
        for who, what, patient, at in (
            ("anna", "patient-seen", first, 1),
            ("anna", "patient-seen", first, 5),
            ("anna", "held-seen", first, 9),
            ("dora", "patient-seen", first, 7),
            ("anna", "plan-proposed", second, 8),
        ):
            tx.audit(who, what, T0 + at, patient_id=patient, detail="d")
    with world.store.read() as tx:
        assert tx.looks.last("anna") == {first: T0 + 5}
        assert tx.looks.before("anna", first, T0 + 5) == T0 + 1
        assert tx.looks.before("anna", second, T0 + 99) is None
        assert tx.looks.of(first, 2) == [
            Look(T0 + 7, "dora", "patient-seen", "d"),
            Look(T0 + 9, "anna", "held-seen", "d"),
        ]
        assert tx.looks.of(second, 9) == []
