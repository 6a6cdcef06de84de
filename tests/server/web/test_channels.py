"""How one is reached: added, tested, quiet and removed on one's own page, and told on the alert."""

import pytest

from server.messaging.screen import Screen
from server.services.delivering import due_letters, note_failed, note_sent
from server.services.telling import deliver_messages
from tests.server.web.district import HOSTILE, MINUTE, Browser, District

PATH = "/account/channels"


def added(browser: Browser, address: str = "anna@chc.example") -> str:
    answer = browser.post(PATH, {"kind": "email", "address": address})
    assert answer.status_code == 303, answer.text
    return f"{PATH}/1"


def told(district: District) -> int:
    """Raise an alert and let its messages reach screens and be owed to channels."""
    district.measure({"systolic": "190"})
    deliver_messages(district.store, Screen(lambda: None), district.now)
    return district.alert("systolic-high-outer")


def test_a_channel_is_added_and_removed_and_both_are_on_the_record(district: District):
    browser = district.browser("anna")
    assert "You are told on screen only." in browser.get(PATH).text
    channel = added(browser)
    assert "anna@chc.example" in browser.get(PATH).text
    assert "anna@chc.example" not in district.browser("bruno").get(PATH).text
    browser.post(f"{channel}/remove")
    assert "anna@chc.example" not in browser.get(PATH).text
    assert district.world.rows("select address from channels") == [("",)]
    rows = district.world.rows("select who, what, detail from audit where what like 'channel%'")
    assert rows == [
        ("anna", "channel-added", "channel 1"),
        ("anna", "channel-removed", "channel 1"),
    ]


@pytest.mark.parametrize(
    "address",
    [
        "", "anna", "@chc.example", "anna@", "a@b.c, d@e.f", "Anna <a@b.c>", "a@b.c\r\nBcc: d@e.f",
        "a b@c.d", "à@b.c", "a@b.c?x=1", HOSTILE, "a" * 65 + "@b.c", "a@" + "b." * 200 + "c",
    ],
)  # fmt: skip
def test_what_is_no_single_address_is_refused_at_the_field(district: District, address: str):
    answer = district.browser("anna").post(PATH, {"kind": "email", "address": address})
    assert answer.status_code == 422
    assert 'id="address-wrong"' in answer.text
    assert "<script>alert" not in answer.text
    assert district.world.rows("select count(*) from channels") == [(0,)]


def test_a_service_is_taken_only_where_it_is_allowed_and_its_key_is_not_shown(tmp_path):
    district = District(tmp_path, schemas=("ntfys",))
    browser = district.browser("anna")
    for address in ("tgram://key/1", "ntfys://h/t?verify=no", "syslog://", "file:///etc/passwd"):
        answer = browser.post(PATH, {"kind": "apprise", "address": address})
        assert answer.status_code == 422, address
    answer = browser.post(PATH, {"kind": "apprise", "address": "ntfys://key@ntfy.example/topic"})
    assert answer.status_code == 303
    page = browser.get(PATH).text
    assert "ntfys://…" in page
    assert "key@" not in page
    district.close()


def test_without_services_none_is_taken(district: District):
    form = {"kind": "apprise", "address": "ntfys://ntfy.example/topic"}
    assert district.browser("anna").post(PATH, form).status_code == 422


def test_the_same_one_twice_and_a_sixth_are_refused(district: District):
    browser = district.browser("anna")
    for number in range(5):
        added(browser, f"a{number}@chc.example")
    form = {"kind": "email", "address": "a0@chc.example"}
    assert browser.post(PATH, form).status_code == 422
    assert browser.post(PATH, {**form, "address": "a6@chc.example"}).status_code == 422
    assert 'name="address"' not in browser.get(PATH).text


def test_a_test_message_is_sent_at_once_and_its_fate_is_said(district: District):
    browser = district.browser("anna")
    channel = added(browser)
    assert "The test message was taken" in browser.post(f"{channel}/test").text
    (letter,) = district.post.letters
    assert (letter.address, letter.alert_ids) == ("anna@chc.example", ())
    assert browser.post(f"{channel}/test").status_code == 409
    assert len(district.post.letters) == 1
    assert "It has worked since" in browser.get(PATH).text
    district.now += MINUTE
    district.post.error = f"550 {HOSTILE}"
    page = browser.post(f"{channel}/test").text
    assert "The test message was not taken" in page
    assert "550 &lt;script&gt;" in page
    said = district.world.rows("select detail from audit where what='channel-tested' order by id")
    assert said == [("channel 1 sent",), ("channel 1 failed",)]


@pytest.mark.parametrize(
    ("form", "kept"),
    [
        ({"from": "22:00", "until": "07:00"}, (1320, 420)),
        ({"from": "00:00", "until": "23:59"}, (0, 1439)),
        ({"from": "", "until": ""}, (None, None)),
    ],
)
def test_quiet_hours_are_kept(district: District, form, kept):
    browser = district.browser("anna")
    channel = added(browser)
    assert browser.post(f"{channel}/quiet", form).status_code == 303
    assert district.world.rows("select quiet_from, quiet_until from channels") == [kept]
    if form["from"]:
        assert f'value="{form["from"]}"' in browser.get(PATH).text


@pytest.mark.parametrize(
    "form",
    [
        {"from": "22:00"}, {"until": "07:00"}, {"from": "07:00", "until": "07:00"},
        {"from": "24:00", "until": "07:00"}, {"from": "7:0", "until": "08:00"},
        {"from": "22:60", "until": "07:00"}, {"from": "²²:00", "until": "07:00"},
        {"from": HOSTILE, "until": "07:00"},
    ],
)  # fmt: skip
def test_quiet_hours_that_are_none_are_refused_at_the_field(district: District, form):
    browser = district.browser("anna")
    channel = added(browser)
    answer = browser.post(f"{channel}/quiet", form)
    assert answer.status_code == 422
    assert 'id="quiet-1-wrong"' in answer.text
    assert district.world.rows("select quiet_from, quiet_until from channels") == [(None, None)]


def test_a_colleagues_channel_is_not_found(district: District):
    channel = added(district.browser("anna"))
    bruno = district.browser("bruno")
    for act in ("remove", "quiet", "test"):
        assert bruno.post(f"{channel}/{act}").status_code == 404
    assert district.post.letters == []


def test_an_alert_says_who_is_told_on_screen_only(district: District):
    number = told(district)
    assert "on screen only" in district.browser("anna").get(f"/alerts/{number}").text


def test_an_alert_says_what_became_of_every_message(district: District):
    anna = district.browser("anna")
    added(anna)
    number = told(district)
    page = anna.get(f"/alerts/{number}").text
    assert "e-mail (Anna Neri): under way" in page
    for tries in (1, 2):
        with district.store.write() as tx:
            (letter,) = due_letters(tx, district.now, ())
            note_failed(tx, letter, "451 later", district.now, 0.0)
        district.now += MINUTE
        said = {1: "not delivered, tried 1 time<", 2: "not delivered, tried 2 times<"}[tries]
        assert said in anna.get(f"/alerts/{number}").text
    with district.store.write() as tx:
        (letter,) = due_letters(tx, district.now, ())
        note_sent(tx, letter, district.now)
    page = anna.get(f"/alerts/{number}").text
    assert "e-mail (Anna Neri): sent 16:15" in page
    assert "not delivered" not in page
    assert "on screen only" not in page
