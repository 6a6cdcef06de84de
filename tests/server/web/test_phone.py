"""Moment 2, phone in hand: the numbers, the last values, and what follows when nobody answers."""

from tests.server.web.district import HOUR, MINUTE, District


def test_phone_in_hand(district: District) -> None:
    """Numbers and languages, the last values, what was done last time; then the way to the door."""
    with district.store.write() as tx:
        tx.connection.exec_driver_sql(
            "update patients set carer='Olena', carer_phone='0122 9', carer_language='uk'"
        )
    district.measure({"systolic": "190"}, ago=HOUR)
    browser = district.browser("anna")
    first = f"/alerts/{district.alert('systolic-high-outer')}"
    browser.post(f"{first}/note", {"text": "Her daughter has the key"})
    tomorrow = {"outcome": "advice-given", "review": "2026-09-23"}
    assert browser.post(f"{first}/close", tomorrow).status_code == 303
    district.measure({"systolic": "195"})
    where = f"/alerts/{district.alert('systolic-high-outer')}"
    page = browser.get(where).text
    assert where != first
    for said in ("tel:0122 1", "speaks Italian", "Olena", "tel:0122 9", "speaks Ukrainian",
                 "195", "Advice given", "Her daughter has the key"):  # fmt: skip
        assert said in page, said
    for again in ("10", "15"):
        form = {"result": "no-answer", "again": again}
        assert browser.post(f"{where}/call", form).status_code == 303
    assert "2 of 3 without an answer" in browser.get(where).text
    browser.post(f"{where}/call", {"result": "no-answer"})
    assert "send somebody there, or call 112" in browser.get(where).text
    browser.post(f"{where}/call", {"result": "visit-arranged"})
    page = browser.get(where).text
    assert "data-visit" not in page
    assert "visit arranged" in page


def test_a_wait_that_is_too_long_or_unknown_is_refused_with_the_page(district: District) -> None:
    district.measure({"systolic": "190"})
    where = f"/alerts/{district.alert('systolic-high-outer')}"
    browser = district.browser("anna")
    for form in ({"result": "no-answer", "again": "60"}, {"result": "shrug"},
                 {"result": "no-answer", "again": "9"}):  # fmt: skip
        assert browser.post(f"{where}/call", form).status_code == 422


def test_the_single_point_of_contact_has_the_numbers_and_no_value(district: District) -> None:
    district.measure({"systolic": "123"}, ago=30 * HOUR)
    district.now += 7 * HOUR
    district.beat(district.now + MINUTE)
    district.judge()
    page = district.browser("sara").get(f"/alerts/{district.alert('missing-systolic')}").text
    assert "tel:0122 1" in page
    assert "123" not in page
