"""A page that stays open says what is new, and never renews itself under a form."""

import html
import re

from tests.server.web.district import HOUR, MINUTE, District


def opened(district: District) -> tuple[str, int]:
    """Return the address that an open alert page asks, and the alert."""
    district.measure({"spo2": "80"})
    number = district.alert("spo2-low-outer")
    district.now += MINUTE
    return asks(district, f"/alerts/{number}"), number


def asks(district: District, page: str) -> str:
    """Return the address that a page, left open, asks what is new."""
    (found,) = re.findall(r'data-fresh hx-get="([^"]+)"', district.browser("anna").get(page).text)
    return html.unescape(found)


def test_nothing_new_says_only_when_it_was_checked(district: District):
    address, _ = opened(district)
    district.now += 10 * MINUTE
    page = district.browser("anna").get(address).text
    assert "Last checked at" in page
    assert "data-news" not in page


def test_a_newer_value_is_named_and_may_be_shown(district: District):
    address, number = opened(district)
    patients = asks(district, f"/patients/{district.maria}")
    district.now += 10 * MINUTE
    district.measure({"spo2": "74"}, ago=MINUTE)
    for path, back in ((address, f"/alerts/{number}"), (patients, "/patients/")):
        news = district.browser("anna").get(path).text
        assert "data-news" in news
        assert "74 %" in news
        assert f'href="{back}' in news


def test_what_a_colleague_did_is_new(district: District):
    address, number = opened(district)
    district.now += MINUTE
    district.browser("bruno").post(f"/alerts/{number}/note", {"text": "I call her"})
    assert "data-news" in district.browser("anna").get(address).text


def test_who_sees_no_patient_is_told_no_value_and_an_open_page_holds_no_session(
    district: District,
):
    address, _ = opened(district)
    assert district.browser("tito").get(address).status_code == 404
    browser = district.browser("anna")
    for _ in range(5):
        district.now += 7 * MINUTE
        browser.get(address)
    assert browser.get(address, **{"hx-request": "true"}).status_code == 401


def test_an_address_nobody_made_says_nothing_new(district: District):
    address, _ = opened(district)
    browser = district.browser("anna")
    for at in ("", "x", "-1", "9" * 40, "²"):
        answer = browser.get(f"{address.partition('?')[0]}?at={at}")
        assert (answer.status_code, "data-news" in answer.text) == (200, False)
    district.now += HOUR


def test_values_that_are_named_are_on_the_record_and_no_old_page_reads_a_life(district: District):
    district.measure({"spo2": "97"}, ago=60 * HOUR)
    opened(district)
    district.now += 20 * HOUR
    looks = "select count(*) from audit where what = 'news-seen'"
    browser = district.browser("anna")
    old = browser.get(f"/patients/{district.maria}/fresh?at=0").text
    assert "80 %" not in old
    assert district.world.rows(looks) == [(0,)]
    district.measure({"spo2": "74"}, ago=MINUTE)
    assert "74 %" in browser.get(f"/patients/{district.maria}/fresh?at={district.now - HOUR}").text
    assert district.world.rows(looks) == [(1,)]


def test_another_alert_of_the_patient_is_new_however_late_its_value(district: District):
    address, _ = opened(district)
    district.now += 10 * MINUTE
    district.measure({"systolic": "230"}, ago=72 * HOUR)
    assert "data-news" in district.browser("anna").get(address).text


def test_a_value_whose_storing_had_begun_when_the_page_was_made_is_new(district: District):
    """It carries the earlier time, and the page could not see it yet."""
    address, number = opened(district)
    patients = asks(district, f"/patients/{district.maria}")
    district.now -= 5_000
    district.measure({"spo2": "74"})
    district.now += 10_000
    for path in (address, patients):
        assert "74 %" in district.browser("anna").get(path).text
    for page in (f"/alerts/{number}", f"/patients/{district.maria}"):
        assert "data-news" not in district.browser("anna").get(asks(district, page)).text


def test_what_one_did_oneself_is_no_news(district: District):
    address, number = opened(district)
    anna = district.browser("anna")
    anna.post(f"/alerts/{number}/acknowledge")
    anna.post(f"/alerts/{number}/note", {"text": "I call her"})
    assert "data-news" not in anna.get(address).text
