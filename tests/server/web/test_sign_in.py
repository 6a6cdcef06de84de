"""Sessions: new at sign-in, dead at sign-out, short-lived, and slow to guess."""

from pathlib import Path

import pytest

from tests.server.web.district import HOUR, MINUTE, PASSWORD, Browser, District


def sign_in(browser, name: str, password: str, **more: str):
    return browser.post("/sign-in", {"name": name, "password": password, **more}, csrf="")


def test_each_role_lands_on_its_page(district: District):
    for name, page in (("anna", "/worklist"), ("dora", "/worklist"), ("ada", "/fleet")):
        assert sign_in(district.browser(), name, PASSWORD).headers["location"] == page
        assert district.browser(name).get("/").headers["location"] == page


def test_the_token_is_new_at_every_sign_in(district: District):
    browser = district.browser("anna")
    first = browser.client.cookies["vicino"]
    sign_in(browser, "anna", PASSWORD)
    second = browser.client.cookies["vicino"]
    assert first != second
    browser.client.cookies.clear()
    browser.client.cookies.set("vicino", first)
    assert browser.get("/worklist").status_code == 303


def test_a_token_that_was_planted_is_not_taken_over(district: District):
    browser = district.browser()
    browser.client.cookies.set("vicino", "planted-by-somebody", domain="127.0.0.1")
    answer = sign_in(browser, "anna", PASSWORD)
    assert "planted" not in answer.headers["set-cookie"]
    stranger = district.browser()
    stranger.client.cookies.set("vicino", "planted-by-somebody")
    assert stranger.get("/worklist").status_code == 303


def test_signing_out_kills_the_session_on_the_server(district: District):
    browser = district.browser("anna")
    token = browser.client.cookies["vicino"]
    assert browser.post("/sign-out", {"anyway": "1"}).status_code == 303
    browser.client.cookies.clear()
    browser.client.cookies.set("vicino", token)
    assert browser.get("/worklist").status_code == 303


def test_a_session_ends_after_half_an_hour_without_anybody(district: District):
    browser = district.browser("anna")
    for _ in range(5):  # the list renews itself: that is nobody's hand
        district.now += 7 * MINUTE
        browser.get("/worklist/rows")
    shown = {"hx-request": "true", "hx-current-url": "http://testserver/worklist?tab=technical"}
    answer = browser.get("/worklist/rows", **shown)
    assert answer.status_code == 401
    back = "%2Fworklist%3Ftab%3Dtechnical"  # what was read when the session ended
    assert answer.headers["hx-redirect"] == f"/sign-in?ended=1&next={back}"


def test_a_session_ends_after_twelve_hours_of_work(district: District):
    browser = district.browser("anna")
    for _ in range(36):
        assert browser.get("/worklist").status_code == 200
        district.now += 20 * MINUTE
    district.now += 1
    assert browser.get("/worklist").status_code == 303


def test_five_wrong_passwords_lock_for_minutes_and_say_no_more_than_one(district: District):
    browser = district.browser()
    answers = [sign_in(browser, "anna", "wrong password") for _ in range(6)]
    locked = sign_in(browser, "anna", PASSWORD)
    unknown = sign_in(browser, "nobody", PASSWORD)
    assert {answer.status_code for answer in (*answers, locked, unknown)} == {401}
    assert locked.text == answers[0].text
    assert unknown.text.replace("nobody", "anna") == locked.text
    district.now += HOUR
    assert sign_in(browser, "anna", PASSWORD).status_code == 303


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "/\tevil", "evil"]
)
def test_signing_in_leads_to_our_own_pages_only(district: District, address: str):
    answer = sign_in(district.browser(), "anna", PASSWORD, next=address)
    assert answer.headers["location"] == "/worklist"


def test_signing_in_goes_on_where_one_wanted_to_go(district: District):
    browser = district.browser()
    asked = browser.get("/patients/1?days=7").headers["location"]
    assert asked == "/sign-in?next=%2Fpatients%2F1%3Fdays%3D7"
    assert "/patients/1?days=7" in browser.get(asked).text
    assert sign_in(browser, "anna", PASSWORD, next="/patients/1?days=7").headers["location"] == (
        "/patients/1?days=7"
    )


def test_the_cookie_over_tls_is_bound_to_the_host(tmp_path: Path):
    district = District(tmp_path, public_url="https://vicino.example")
    answer = sign_in(district.browser(), "anna", PASSWORD)
    said = answer.headers["set-cookie"]
    assert said.startswith("__Host-vicino=")
    for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert word in said
    assert "Domain" not in said
    assert "max-age" in answer.headers["strict-transport-security"]
    district.close()


def test_the_reader_keeps_a_language(district: District):
    browser = district.browser("anna")
    assert ">Worklist<" in browser.get("/worklist").text
    browser.post("/language", {"language": "it", "next": "/worklist"})
    again = district.browser("anna").get("/worklist").text
    assert '<html lang="it">' in again
    assert ">Lista di lavoro<" in again


def test_before_signing_in_the_browser_says_the_language(district: District):
    browser = district.browser()
    assert 'html lang="it"' in browser.get("/sign-in", **{"accept-language": "it-IT,en;q=0.5"}).text
    assert 'html lang="en-GB"' in browser.get("/sign-in", **{"accept-language": "de,en;q=0.5"}).text
    assert 'html lang="it"' in browser.get("/sign-in?language=it", **{"accept-language": "en"}).text


def test_whoever_signs_in_finds_nobodys_list_kept_in_the_browser(district: District):
    answer = Browser(district).post("/sign-in", {"name": "ada", "password": PASSWORD}, csrf="")
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
