"""What leaves says that something waits, and nothing of whom or what."""

from dataclasses import replace

import pytest

from server.domain.priorities import Priority
from server.messaging.screen import Screen
from server.ports.channels import ChannelKind
from server.services import reaching
from server.services.delivering import Letter, due_letters
from server.services.telling import deliver_messages
from server.web import letters
from tests.server.web.district import HOSTILE, MINUTE, WATCHED, District

PAGES = "https://vicino.example"


def letter(language: str, priority: Priority, *alert_ids: int, chc: str = "CHC Susa") -> Letter:
    return Letter(1, ChannelKind.EMAIL, "a@b.example", "k", language, chc, priority, alert_ids, ())


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("it", "Vicino: un allarme di priorità alta attende (CHC Susa)."),
        ("en", "Vicino: a high alert waits (CHC Susa)."),
        ("fr", "Vicino : une alerte de priorité haute attend (CHC Susa)."),
        ("xx", "Vicino: un allarme di priorità alta attende (CHC Susa)."),
    ],
)
def test_one_alert_is_said_in_the_readers_language_with_its_link(language, subject):
    text = letters.writer(PAGES)(letter(language, Priority.HIGH, 7))
    assert text.subject == subject
    assert text.body == f"{subject}\n{PAGES}/alerts/7\n"


def test_several_alerts_are_one_text_with_the_worklists_link():
    text = letters.writer(PAGES)(letter("en", Priority.MEDIUM, 7, 8, 9))
    assert text.subject == "Vicino: 3 alerts wait, the most urgent is medium (CHC Susa)."
    assert text.body.endswith(f"{PAGES}/worklist\n")


def test_a_test_message_says_that_it_is_one():
    assert "this is a test" in letters.writer(PAGES)(letter("en", Priority.LOW)).subject


def test_a_name_of_a_centre_ends_no_line():
    text = letters.writer(PAGES)(letter("en", Priority.LOW, 1, chc="A\r\nBcc: x@y.z\n%(num)s"))
    assert text.subject == "Vicino: a low alert waits (A Bcc: x@y.z %(num)s)."


@pytest.mark.parametrize("language", ["it", "en", "fr"])
def test_no_name_value_code_or_rule_leaves(district: District, language: str):
    """Whatever is written of patients, devices, alerts and notes: none of it is in a letter."""
    name = HOSTILE + "\r\nBcc: everybody@example.org"
    patient = district.person("P-9876", name, "Zenobia")
    district.world.device("AA:BB:CC:DD:EE:77", patient)
    district.world.plan(patient, WATCHED, district.now - 30 * 86_400_000)
    with district.store.write() as tx:
        anna = district.world.user("anna")
        tx.directory.set_language(anna.id, language)
        reaching.add(tx, anna, "email", "anna@chc.example", (), district.now)
    district.measure({"systolic": "193", "spo2": "81"}, device="AA:BB:CC:DD:EE:77")
    district.measure({"systolic": "197"}, ago=MINUTE, device="AA:BB:CC:DD:EE:77")
    deliver_messages(district.store, Screen(lambda: None), district.now)
    with district.store.write() as tx:
        (due,) = due_letters(tx, district.now, ())
    assert len(due.alert_ids) > 1
    for one in (due, replace(due, alert_ids=due.alert_ids[:1])):
        text = letters.writer(PAGES)(one)
        said = (text.subject + text.body).lower()
        for secret in ("script", "bcc", "zenobia", "p-9876", "193", "197", "81", "systolic",
                       "spo2", "mmhg", "outer", "1941", "0122", "77", "gw-1", "got-worse",
                       "pressione", "saturazione"):  # fmt: skip
            assert secret not in said, secret
        assert "\n" not in text.subject
