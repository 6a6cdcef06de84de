"""What is left of an alert once a part of its evidence was entered in error."""

from dataclasses import replace

from server.domain.alerts import Evidence, Kind, Reason
from server.domain.chains import default_chain
from server.domain.instants import HOUR
from server.domain.priorities import Priority
from server.domain.undoing import partly_withdrawn
from tests.server.domain.test_alerts import T0, new

CHAIN = default_chain(Kind.CLINICAL, "spo2-low-outer", Priority.HIGH)
LOW = replace(
    new(rule="spo2-low-outer"), worst=700, newest=700, told=700, comparator=-1, owner="anna"
)


def test_of_a_rule_that_grows_worse_downwards_the_lowest_is_the_worst() -> None:
    left = [Evidence(T0, 850), Evidence(T0 - HOUR, 820, confirmed=False)]
    change = partly_withdrawn(LOW, left, CHAIN)
    after = change.alert
    assert (after.worst, after.newest, after.told, after.comparator) == (820, 850, 820, 0)
    assert (after.began_at, after.newest_at, after.confirmed) == (T0 - HOUR, T0, True)
    assert [(one.reason, one.user) for one in change.tellings] == [(Reason.SUPERSEDED, "anna")]


def test_what_was_told_is_never_made_worse() -> None:
    mild = replace(LOW, told=880)
    assert partly_withdrawn(mild, [Evidence(T0, 820)], CHAIN).alert.told == 880


def test_only_held_evidence_left_is_not_sure_to_be_the_patients() -> None:
    after = partly_withdrawn(LOW, [Evidence(T0, 820, confirmed=False)], CHAIN).alert
    assert not after.confirmed
