"""A plan's rules in words: what is watched, bound with unit, window and side, in each language."""

from decimal import Decimal

import msgspec
import pytest

from contract.codes import Code
from server.domain.plans import Gain, Plan
from server.domain.window_rules import WindowRule
from server.web.windows import windowed
from server.web.wording import Wording, code_of, source_of
from tests.server.web.district import DAY, HOUR, T0, District

SAID = [
    (
        {"kind": "change", "code": "spo2", "side": "fall", "hours": 24, "more_than": "4"},
        "fall from the highest value within 24 hours: more than 4 %",
        "calo dal valore più alto in 24 ore: più di 4 %",
    ),
    (
        {"kind": "change", "code": "spo2", "side": "fall", "hours": 24, "at_least": "4.5",
         "percent": True},
        "fall from the highest value within 24 hours: at least 4.5 % of it",
        "calo dal valore più alto in 24 ore: almeno 4,5 % di esso",
    ),
    (
        {"kind": "change", "code": "pulse", "side": "rise", "hours": 1, "more_than": "20"},
        "rise from the lowest value within 1 hour: more than 20 bpm",
        "aumento dal valore più basso in 1 ora: più di 20 bpm",
    ),
    (
        {"kind": "crossover", "code": "weight", "side": "rise", "short": 1, "long": 14,
         "more_than": "0.9"},
        "mean over 1 day above the mean over 14 days: more than 0.9 kg",
        "media su 1 giorno sopra la media su 14 giorni: più di 0,9 kg",
    ),
    (
        {"kind": "crossover", "code": "weight", "side": "fall", "short": 3, "long": 14,
         "more_than": "2"},
        "mean over 3 days below the mean over 14 days: more than 2.0 kg",
        "media su 3 giorni sotto la media su 14 giorni: più di 2,0 kg",
    ),
    (
        {"kind": "baseline", "code": "spo2", "side": "fall", "days": 7, "more_than": "1.645"},
        "below the usual mean over 7 days: more than 1.645 standard deviations",
        "sotto la media abituale su 7 giorni: più di 1,645 deviazioni standard",
    ),
    (
        {"kind": "baseline", "code": "pulse", "side": "rise", "days": 7, "more_than": "2"},
        "above the usual mean over 7 days: more than 2 standard deviations",
        "sopra la media abituale su 7 giorni: più di 2 deviazioni standard",
    ),
    (
        {"kind": "spread", "code": "spo2", "side": "rise", "days": 7, "at_least": "4"},
        "scatter about the trend over 7 days: at least 4 %",
        "dispersione attorno alla tendenza su 7 giorni: almeno 4 %",
    ),
    (
        {"kind": "slope", "code": "weight", "side": "rise", "days": 7, "more_than": "0.25"},
        "rising over 7 days: more than 0.25 kg a day",
        "in aumento su 7 giorni: più di 0,25 kg al giorno",
    ),
    (
        {"kind": "slope", "code": "systolic", "side": "fall", "days": 7, "more_than": "3"},
        "falling over 7 days: more than 3 mmHg a day",
        "in calo su 7 giorni: più di 3 mmHg al giorno",
    ),
    (
        {"kind": "average", "code": "systolic", "side": "rise", "at_least": "135"},
        "average of seven days, mornings and evenings: 135 mmHg or above",
        "media di sette giorni, mattina e sera: 135 mmHg o più",
    ),
    (
        {"kind": "average", "code": "systolic", "side": "fall", "more_than": "100"},
        "average of seven days, mornings and evenings: below 100 mmHg",
        "media di sette giorni, mattina e sera: sotto 100 mmHg",
    ),
]  # fmt: skip
GAINS = [
    (
        Gain(name="weight-gain", source="ESC", days=3, more_than=Decimal(2)),
        "gained more than 2.0 kg within 3 days",
        "2,0 kg",
    ),
    (
        Gain(name="weight-gain", source="ESC", days=2, at_least=Decimal("1.36")),
        "gained 1.36 kg or more within 2 days",
        "1,36 kg",
    ),
]
FALL = {
    "kind": "change",
    "name": "spo2-fall-4pct-24h",
    "code": "spo2",
    "source": "a hand-written source",
    "side": "fall",
    "hours": 24,
    "more_than": "4",
    "priority": "high",
}


@pytest.mark.parametrize(
    ("body", "english", "italian"), SAID, ids=[f"{one[0]['kind']}-{one[0]['side']}" for one in SAID]
)
def test_a_rule_says_what_it_watches(body: dict[str, object], english: str, italian: str):
    rule = msgspec.convert(
        {"name": f"{body['code']}-x", "source": "test", **body}, WindowRule, strict=False
    )
    assert windowed(Wording("en", "Europe/Rome", T0), rule) == english
    assert windowed(Wording("it", "Europe/Rome", T0), rule) == italian


@pytest.mark.parametrize(("gain", "english", "italian"), GAINS)
def test_a_gain_says_what_it_watches(gain: Gain, english: str, italian: str):
    assert Wording("en", "Europe/Rome", T0).gain(gain) == english
    assert italian in Wording("it", "Europe/Rome", T0).gain(gain)


def test_a_rule_by_name_has_its_code_and_source():
    plan = msgspec.convert({"rules": [FALL]}, Plan, strict=False)
    assert source_of(plan, "spo2-fall-4pct-24h") == "a hand-written source"
    assert source_of(plan, "spo2-low-outer") is None
    assert source_of(None, "spo2-fall-4pct-24h") is None
    assert code_of("spo2-fall-4pct-24h") is Code.SPO2
    assert code_of("mean-arterial-high-outer") is Code.MEAN_ARTERIAL
    assert code_of("missing-weight") is Code.WEIGHT
    assert code_of("measurement-held") is None


def test_worklist_alert_and_patient_page_say_a_rule_in_words(district: District):
    patient = district.person("P2", "Bianchi", "Giuseppe")
    district.world.device("AA:BB:CC:DD:EE:02", patient)
    district.world.plan(patient, {"rules": [FALL]}, district.now - DAY)
    for value, ago in (("97", 2 * HOUR), ("92", HOUR)):
        district.measure({"spo2": value}, device="AA:BB:CC:DD:EE:02", ago=ago)
    browser = district.browser("anna")
    condition = "fall from the highest value within 24 hours: more than 4 %"
    assert f"Oxygen saturation 92 %: {condition}" in browser.get("/worklist").text
    page = browser.get(f"/alerts/{district.alert('spo2-fall-4pct-24h')}").text
    assert f"Oxygen saturation: {condition}" in page
    assert "a hand-written source" in page
    page = browser.get(f"/patients/{patient}").text
    assert f"<strong>Oxygen saturation</strong>: {condition}" in page
    assert "received, not watched" not in page
    found = browser.post("/patients", {"q": "bianchi"}).text
    assert "Oxygen saturation" in found
    assert 'class="not-watched"' not in found
    chart = browser.get(f"/patients/{patient}/charts").json()["charts"]["spo2"]
    assert [one["label"] for one in chart["alerts"]] == [f"Oxygen saturation 92 %: {condition}"]
