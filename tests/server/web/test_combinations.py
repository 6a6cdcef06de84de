"""Combinations in words, in every language."""

import json

import pytest

from contract.codes import Code
from server.domain.plans import parse_plan
from server.engine.series import NO_CODE
from server.web.wording import Wording
from tests.server.engine.test_combined import PLAN
from tests.server.world import T0

SAID = {
    "fr": "au moins 2 de celles-ci en 24 heures\xa0: Poids: augmentation de plus de 2,0 kg"
    " en 3 jours; Pouls, au-dessus de 110; Saturation en oxygène, sous 92",
    "en": "at least 2 of these within 24 hours: Weight: gained more than 2.0 kg within 3 days;"
    " Pulse, above 110; Oxygen saturation, below 92",
    "it": "almeno 2 di queste entro 24 ore: Peso: aumento di oltre 2,0 kg in 3 giorni;"
    " Polso, sopra 110; Saturazione di ossigeno, sotto 92",
}


@pytest.mark.parametrize("language", SAID)
def test_a_combination_names_its_rules_with_their_limits(language: str) -> None:
    plan, w = parse_plan(json.dumps(PLAN)), Wording(language, "Europe/Rome", T0)
    assert w.rule_in(plan, "combined-fluid") == SAID[language]
    assert SAID[language] in w.watched(plan, Code.PULSE)
    assert SAID[language] not in w.watched(plan, Code.SYSTOLIC)


def test_its_value_is_how_many_rules_were_met() -> None:
    assert Wording("it", "Europe/Rome", T0).value(NO_CODE, 2) == "2 regole"
