"""Where one is signed in: seen, and ended one by one, all but this one, or by the administrator."""

import re

import pytest

from server.errors import NotFound
from server.services import sessions
from server.web.account import browser, place
from tests.server.web.district import HOUR, MINUTE, District

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/138.0.0.0 Mobile Safari/537.36"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)


def marks(page: str) -> list[str]:
    return re.findall(r"/account/sessions/([0-9a-f]{32})/end", page)


def test_every_session_is_shown_and_this_one_is_marked(district: District):
    first, second = district.browser("anna"), district.browser("anna")
    district.browser("bruno")
    page = first.get("/account").text
    assert page.count("data-session=") == 2
    assert page.count("this browser") == 1
    assert len(marks(page)) == 1
    assert second.client.cookies["vicino"] not in page


def test_one_is_ended_at_once_and_on_record(district: District):
    first, second = district.browser("anna"), district.browser("anna")
    (mark,) = marks(first.get("/account").text)
    assert first.post(f"/account/sessions/{mark}/end").status_code == 303
    assert second.get("/worklist").status_code == 303
    assert first.get("/worklist").status_code == 200
    assert first.post(f"/account/sessions/{mark}/end").status_code == 404
    audited = district.world.rows("select who, detail from audit where what = 'sessions-ended'")
    assert audited == [("anna", "1 of anna")]


def test_all_others_are_ended_and_nobody_elses(district: District):
    first, *others = (district.browser("anna") for _ in range(3))
    bruno = district.browser("bruno")
    assert first.post("/account/sessions/end-others").status_code == 303
    assert [one.get("/worklist").status_code for one in (first, *others, bruno)] == [
        *(200, 303, 303),
        200,
    ]


def test_nobody_ends_a_session_of_another(district: District):
    anna, bruno = district.browser("anna"), district.browser("bruno")
    district.browser("bruno")
    (mark,) = marks(bruno.get("/account").text)
    assert anna.post(f"/account/sessions/{mark}/end").status_code == 404
    assert len(marks(bruno.get("/account").text)) == 1


def test_one_that_has_ended_by_itself_is_not_shown(district: District):
    district.browser("anna")
    district.now += 31 * MINUTE
    district.beat(district.now + HOUR)
    assert marks(district.browser("anna").get("/account").text) == []


def test_the_administrator_ends_all_of_a_member_of_staff(district: District):
    opened = [district.browser("anna") for _ in range(2)]
    bruno = district.browser("bruno")
    with district.store.write() as tx:
        assert sessions.end_all(tx, "anna", "command", district.now) == 2
    assert [one.get("/worklist").status_code for one in (*opened, bruno)] == [303, 303, 200]
    with district.store.write() as tx, pytest.raises(NotFound):
        sessions.end_all(tx, "nobody", "command", district.now)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (FIREFOX, "Firefox, Linux"),
        (CHROME, "Chrome, Android"),
        (EDGE, "Edge, Windows"),
        (SAFARI, "Safari, iPhone"),
        ("<script>", ""),
    ],
)
def test_browsers_are_named_in_two_words(agent: str, said: str):
    """Strings as the makers document them (MDN, User-Agent)."""
    assert browser(agent) == said


def test_an_address_is_shortened_to_its_net():
    assert place("192.0.2.77") == "192.0.2.*"
    assert place("2001:db8::7") == "2001:0db8:0000:0000:*"
    assert place("testclient") == "–"
