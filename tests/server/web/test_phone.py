"""Moment 2, phone in hand: the numbers, the last values, and what follows when nobody answers."""

from server.services import planning
from server.services.shipped import protocols
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


def test_what_must_follow_a_call_stands_wherever_the_alert_does(district: District) -> None:
    """Whoever takes over reads "visit or 112" at once, and does not begin to phone again."""
    district.measure({"systolic": "190"})
    number, browser = district.alert("systolic-high-outer"), district.browser("anna")
    form = {"result": "no-answer", "again": "5"}
    pages = ("/worklist", "/worklist/sheet", "/duty", f"/patients/{district.maria}",
             f"/alerts/{number}")  # fmt: skip
    browser.post(f"/alerts/{number}/call", form)
    for path in pages:
        assert "no answer: call again by 16:18" in browser.get(path).text, path
    for _ in range(2):
        browser.post(f"/alerts/{number}/call", form)
    for path in pages:
        assert "nobody answers: visit or 112 by 16:28" in browser.get(path).text, path
    browser.post("/duty/hand-over", {"to": "*"})
    assert "nobody answers: visit or 112" in district.browser("bruno").get("/worklist").text
    browser.post(f"/alerts/{number}/call", {"result": "visit-arranged"})
    for path in pages:
        assert "data-follows" not in browser.get(path).text, path


def test_a_button_that_is_tapped_twice_counts_one_call(district: District) -> None:
    district.measure({"systolic": "190"})
    number, browser = district.alert("systolic-high-outer"), district.browser("anna")
    assert 'name="calls" value="0"' in browser.get(f"/alerts/{number}").text
    form = {"result": "no-answer", "again": "5", "calls": "0"}
    assert browser.post(f"/alerts/{number}/call", form).status_code == 303
    assert browser.post(f"/alerts/{number}/call", form).status_code == 409
    assert "1 of 3 without an answer" in browser.get(f"/alerts/{number}").text


def test_the_worst_value_stands_beside_the_newest(district: District) -> None:
    """H6: 79 % in the night and 87 % at eight is not "87 %"."""
    for value, hours in (("79", 6), ("87", 1)):
        district.measure({"spo2": value}, ago=hours * HOUR, profile="generic_oximeter")
    number = district.alert("spo2-low-outer")
    browser = district.browser("anna")
    for path in ("/worklist", "/worklist/sheet", f"/alerts/{number}"):
        assert "Oxygen saturation 87 % (worst 79 %), below 88" in browser.get(path).text, path


def test_the_doctors_question_names_what_is_open_and_high(district: District) -> None:
    district.measure({"systolic": "190"})
    with district.store.write() as tx:
        person = tx.directory.patient(district.maria)
        assert person is not None
        plan = protocols()["heart-failure"].plan()
        planning.propose(tx, district.world.user("anna"), person, plan, district.now)
    page = district.browser("dora").get(f"/patients/{district.maria}").text
    box = page[page.index("data-decide") : page.index("data-changes")]
    assert "data-urgent" in box
    assert f"/alerts/{district.alert('systolic-high-outer')}" in box
