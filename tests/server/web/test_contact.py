"""Whom to phone and who cares for a patient: never written over somebody else's words."""

import re
from html import unescape

import pytest

from tests.server.web.district import HOSTILE, District

GOOD = {
    "phone": "+39 011 555 0101",
    "language": "it",
    "carer": "Oksana, lives with her",
    "carer_phone": "333 1234567",
    "carer_language": "uk",
}


def shown(page: str) -> dict[str, str]:
    """Return what the form says it showed."""
    return {
        name: unescape(text) for name, text in re.findall(r'name="(was-\w+)" value="(.*?)"', page)
    }


def test_a_nurse_corrects_a_number_where_the_phone_is_in_hand(district: District) -> None:
    district.measure({"systolic": "190"})
    browser, where = district.browser("anna"), f"/patients/{district.maria}/contact"
    alert = browser.get(f"/alerts/{district.alert('systolic-high-outer')}").text
    assert f'href="{where}"' in alert
    answer = browser.post(where, {**shown(browser.get(where).text), **GOOD})
    assert answer.status_code == 303
    alert = browser.get(f"/alerts/{district.alert('systolic-high-outer')}").text
    assert "Oksana, lives with her" in alert
    assert "speaks Ukrainian" in alert
    (who, what), *_ = district.world.rows(
        "select who, detail from audit where what = 'contact-changed'"
    )
    assert who == "anna"
    assert "carer_phone" in what
    assert "333" not in what


def test_of_two_who_change_it_at_once_the_second_sees_both(district: District) -> None:
    where = f"/patients/{district.maria}/contact"
    first, second = district.browser("anna"), district.browser("bruno")
    before = shown(second.get(where).text)
    first.post(where, {**shown(first.get(where).text), **GOOD})
    answer = second.post(where, {**before, **GOOD, "phone": "0171 222 333"})
    assert answer.status_code == 409
    assert "+39 011 555 0101" in answer.text
    assert 'value="0171 222 333"' in answer.text
    assert district.world.rows("select phone from patients where id = 1") == [("+39 011 555 0101",)]
    # The form now shows what is on record: sent again, it is knowingly.
    again = second.post(where, {**shown(answer.text), **GOOD, "phone": "0171 222 333"})
    assert again.status_code == 303


def test_to_save_again_undoes_nothing_that_a_colleague_wrote_in_another_field(
    district: District,
) -> None:
    where = f"/patients/{district.maria}/contact"
    first, second = district.browser("anna"), district.browser("bruno")
    before = shown(second.get(where).text)
    untouched = {name.removeprefix("was-"): text for name, text in before.items()}
    first.post(where, {**shown(first.get(where).text), **GOOD})
    mine = {**before, **untouched, "phone": "0171 222 333"}
    answer = second.post(where, mine)
    assert answer.status_code == 409
    assert f'name="carer" maxlength="120" autocomplete="off" value="{GOOD["carer"]}"' in answer.text
    assert 'value="0171 222 333"' in answer.text


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("phone", "call her"),
        ("carer_phone", "+"),
        ("carer_phone", "0" * 41),
        ("language", ""),
        ("language", HOSTILE),
        ("carer_language", "italiano"),
        ("carer", "x" * 121),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_form_is_kept(
    district: District, field: str, text: str
) -> None:
    browser, where = district.browser("anna"), f"/patients/{district.maria}/contact"
    answer = browser.post(where, {**shown(browser.get(where).text), **GOOD, field: text})
    assert answer.status_code == 422
    assert f'id="{field}-wrong"' in answer.text
    kept = "phone" if field != "phone" else "carer_phone"
    assert f'value="{GOOD[kept]}"' in answer.text
    assert "<script>" not in answer.text.replace('<script src="', "")


def test_mine_are_the_patients_of_ones_care_teams(district: District) -> None:
    where = f"/patients/{district.maria}/contact"
    dora, bruno = district.browser("dora"), district.browser("bruno")
    # She confirmed the plan, and nobody is named.
    assert "My patients (1)" in dora.get("/patients").text
    assert "My patients (0)" in bruno.get("/patients").text
    answer = dora.post(f"/patients/{district.maria}/team", {"cares-bruno": "yes"})
    assert answer.status_code == 303
    assert 'name="cares-bruno" value="yes" checked' in dora.get(where).text
    assert "My patients (0)" in dora.get("/patients").text
    assert "My patients (1)" in bruno.get("/patients").text


def test_mine_are_the_alerts_one_has_too_and_who_left_cares_for_nobody(district: District) -> None:
    district.measure({"systolic": "190"})
    number, anna = district.alert("systolic-high-outer"), district.browser("anna")
    anna.post(f"/alerts/{number}/acknowledge")
    district.browser("dora").post(f"/patients/{district.maria}/team", {"cares-bruno": "yes"})
    assert "My patients (1)" in anna.get("/patients").text
    assert "My patients (0)" in district.browser("dora").get("/patients").text
    with district.store.write() as tx:
        tx.connection.exec_driver_sql("update users set disabled_at = 1 where name = 'bruno'")
    assert "My patients (1)" in district.browser("dora").get("/patients").text


@pytest.mark.parametrize("name", ["olga", "tito", "nobody"])
def test_only_nurses_and_doctors_of_the_chc_are_named(district: District, name: str) -> None:
    browser = district.browser("anna")
    answer = browser.post(f"/patients/{district.maria}/team", {f"cares-{name}": "yes"})
    assert answer.status_code == 422
    assert "Choose among who cares for patients here." in answer.text
    assert district.world.rows("select * from care_teams") == []
