"""One alert: its evidence back to the bytes, and what two nurses do with it."""

import re

import pytest

from server.services import alert_work
from tests.server.web.district import DAY, EPOCH, HOUR, MINUTE, District


def raised(district: District) -> int:
    district.measure({"systolic": "190"}, raw="1ebe00680078")
    return district.alert("systolic-high-outer")


def test_the_evidence_leads_back_to_the_bytes(district: District):
    page = district.browser("anna").get(f"/alerts/{raised(district)}").text
    expected = f'data-gateway="gw-1" data-epoch="{EPOCH}" data-seq="1" data-raw="1ebe00680078"'
    assert expected in page
    for word in ("systolic-high-outer", "ESC 2024", "version 1", "confirmed by Dora Gallo"):
        assert word in page


def test_a_gateways_time_beyond_every_calendar_hides_no_page(district: District):
    far = 2**53 - 1
    district.measure({"systolic": "190"}, received_at=far)
    number = district.alert("systolic-high-outer")
    with district.store.write() as tx:
        tx.measurements.seen_gateway(
            "gw-1", district.now, 0, {"last_measurement_at": far, "certificate_ends_at": far}
        )
    browser = district.browser("anna")
    for path in (f"/alerts/{number}", f"/patients/{district.maria}/measurements.csv", "/fleet"):
        answer = browser.get(path)
        assert (answer.status_code, f"{far} ms" in answer.text) == (200, True), path


def test_it_says_who_was_told_and_whether_it_arrived(district: District):
    page = district.browser("anna").get(f"/alerts/{raised(district)}").text
    assert "<strong>Nurse</strong>, new alert" in page
    assert "not delivered yet" in page


def test_two_nurses_the_second_learns_who_was_first(district: District):
    number = raised(district)
    anna, bruno = district.browser("anna"), district.browser("bruno")
    assert anna.post(f"/alerts/{number}/acknowledge").status_code == 303
    answer = bruno.post(f"/alerts/{number}/acknowledge")
    assert answer.status_code == 409
    assert "already taken by Anna Neri" in answer.text
    assert district.world.rows(f"select owner from alerts where id={number}") == [("anna",)]


def test_taking_on_twice_is_no_mistake(district: District):
    number = raised(district)
    anna = district.browser("anna")
    assert [anna.post(f"/alerts/{number}/acknowledge").status_code for _ in (1, 2)] == [303, 303]


def test_closing_needs_an_outcome_and_a_day_and_keeps_the_form(district: District):
    number = raised(district)
    anna = district.browser("anna")
    answer = anna.post(f"/alerts/{number}/close", {"outcome": "advice-given", "review": ""})
    assert answer.status_code == 422
    assert 'value="advice-given" selected' in answer.text
    assert re.search(r'id="review"[^>]*aria-invalid="true"', answer.text)
    past = anna.post(f"/alerts/{number}/close", {"outcome": "nonsense", "review": "2020-01-01"})
    assert past.status_code == 422
    assert 'value="2020-01-01"' in past.text
    assert district.world.rows("select count(*) from alerts where closed_at is not null") == [(0,)]


@pytest.mark.parametrize("day", ["0001-01-01", "2062-10-01", "9999-12-31"])
def test_a_review_nobody_will_live_to_see_is_refused(district: District, day: str):
    number = raised(district)
    form = {"outcome": "advice-given", "review": day}
    answer = district.browser("anna").post(f"/alerts/{number}/close", form)
    assert (answer.status_code, "within a year" in answer.text) == (422, True)


def test_a_closed_alert_says_its_outcome_and_the_next_review(district: District):
    number = raised(district)
    anna, bruno = district.browser("anna"), district.browser("bruno")
    form = {"outcome": "visit-arranged", "review": "2026-10-01"}
    assert anna.post(f"/alerts/{number}/close", form).status_code == 303
    page = anna.get(f"/alerts/{number}?done=closed").text
    assert "The alert is closed." in page
    assert "Visit arranged" in page
    assert "1 Oct" in page
    again = bruno.post(f"/alerts/{number}/close", form)
    assert again.status_code == 409
    assert "Somebody was faster" in again.text


def test_what_was_done_stays_in_sight(district: District):
    """H4: that messages were stopped, by whom and why, is seen after it is over."""
    number = raised(district)
    anna = district.browser("anna")
    assert anna.post(f"/alerts/{number}/acknowledge").status_code == 303
    paused = anna.post(f"/alerts/{number}/pause", {"hours": "4", "reason": "<b>visit</b> at 10"})
    assert paused.status_code == 303
    assert anna.post(f"/alerts/{number}/resume").status_code == 303
    page = district.browser("dora").get(f"/alerts/{number}").text
    done = page[page.index("What was done") : page.index("<h2>Why")]
    found = re.findall(r"<strong>(.*?)</strong>: (.*?)</li>", done)
    assert found == [
        ("Anna Neri", "taken on"),
        ("Anna Neri", "messages paused – &lt;b&gt;visit&lt;/b&gt; at 10"),
        ("Anna Neri", "pause ended"),
    ]
    other = district.browser("dora").get(f"/alerts/{district.alert('systolic-high-inner')}").text
    assert "messages paused" not in other


def test_a_pause_needs_a_reason_and_ends(district: District):
    number = raised(district)
    anna = district.browser("anna")
    refused = anna.post(f"/alerts/{number}/pause", {"hours": "4", "reason": " "})
    assert refused.status_code == 422
    assert '<option value="4" selected' in refused.text
    assert anna.post(f"/alerts/{number}/pause", {"hours": "9999", "reason": "x"}).status_code == 422
    taken = anna.post(f"/alerts/{number}/pause", {"hours": "4", "reason": "In hospital"})
    assert taken.status_code == 303
    until = district.world.rows(f"select paused_until from alerts where id={number}")
    assert until == [(district.now + 4 * HOUR,)]
    assert "paused until" in anna.get(f"/alerts/{number}").text


def test_a_note_is_kept_with_its_author(district: District):
    number = raised(district)
    anna = district.browser("anna")
    assert anna.post(f"/alerts/{number}/note", {"text": "  "}).status_code == 422
    assert anna.post(f"/alerts/{number}/note", {"text": "x" * 1001}).status_code == 422
    anna.post(f"/alerts/{number}/note", {"text": "Phoned the daughter"})
    page = district.browser("bruno").get(f"/alerts/{number}").text
    assert "<strong>Anna Neri</strong>: Phoned the daughter" in page


def test_every_move_tells_the_open_pages(district: District):
    number = raised(district)
    anna, before = district.browser("anna"), district.changes.count
    anna.post(f"/alerts/{number}/acknowledge")
    assert district.changes.count == before + 1


def test_beside_an_alert_no_value_stands_that_may_be_anothers(district: District):
    """Hazard H1: a held 118 a minute ago would say that all is well again."""
    district.world.device("AA:BB:CC:DD:EE:02", district.maria, user=1)
    district.measure({"systolic": "195"}, ago=10 * MINUTE)
    district.measure({"systolic": "118"}, ago=MINUTE, device="AA:BB:CC:DD:EE:02", user=2)
    page = district.browser("anna").get(f"/alerts/{district.alert('systolic-high-outer')}").text
    last = page[page.index("Last values") : page.index("Last time")]
    assert "195 mmHg" in last
    assert "118" not in last


def test_how_a_high_alert_ends_is_never_filled_in(district: District):
    for rule in ("systolic-high-outer", "systolic-high-inner"):
        district.measure({"systolic": "190"})
        with district.store.write() as tx:
            anna, review = district.world.user("anna"), district.now + 300 * DAY
            number = district.alert(rule)
            alert_work.close(tx, anna, number, "no-action-needed", review, district.now)
        district.measure({"systolic": "120"}, ago=2 * MINUTE)
        district.measure({"systolic": "230"}, ago=MINUTE)
        page = district.browser("anna").get(f"/alerts/{district.alert(rule)}").text
        filled = 'value="no-action-needed" selected' in page
        assert filled == (rule == "systolic-high-inner")
        assert "2027-07" not in page  # nor is a review further than a month ahead


def test_an_alert_that_began_again_says_why_it_is_nobodys(district: District) -> None:
    """H4 gives it to nobody; who had it must not believe that it is still theirs."""
    district.measure({"systolic": "190"})
    where = f"/alerts/{district.alert('systolic-high-outer')}"
    browser = district.browser("anna")
    browser.post(f"{where}/acknowledge")
    assert "data-again" not in browser.get(where).text
    for value in ("120", "195"):
        district.now += MINUTE
        district.measure({"systolic": value}, ago=0)
    assert "data-again" in browser.get(where).text
    browser.post(f"{where}/acknowledge")
    assert "data-again" not in browser.get(where).text


def other_alerts(district: District, *codes: str) -> list[int]:
    """Raise an alert a code, of readings at different times so that none is within another."""
    beyond = {"systolic": "190", "spo2": "80"}
    for ago, code in enumerate(codes, 1):
        district.measure({code: beyond[code]}, ago=ago * HOUR)
    return [n for (n,) in district.world.rows("select id from alerts order by id")]


def owners(district: District) -> dict[int, str | None]:
    return dict(district.world.rows("select id, owner from alerts"))


@pytest.mark.parametrize("faster", [None, "bruno"])
def test_one_tap_takes_on_what_one_call_answers(district: District, faster: str | None):
    other_alerts(district, "systolic", "spo2")
    first, spo2 = district.alert("systolic-high-outer"), district.alert("spo2-low-outer")
    anna = district.browser("anna")
    page = anna.get(f"/alerts/{first}").text
    shown = re.search(r'name="others" value="([^"]*)"', page)
    assert shown
    assert shown[1] == str(spo2)  # the inner alert of the same value goes with it anyway
    if faster is not None:
        district.browser(faster).post(f"/alerts/{spo2}/acknowledge")
    answer = anna.post(f"/alerts/{first}/acknowledge", {"others": shown[1]})
    assert answer.status_code == 303
    assert owners(district) == {**dict.fromkeys(owners(district), "anna"), spo2: faster or "anna"}


@pytest.mark.parametrize("others", ["999999", "x 2", "1 1 1", "²"])
def test_nothing_but_the_patients_own_alerts_is_taken_on_with_it(district: District, others: str):
    first, *_ = other_alerts(district, "systolic")
    answer = district.browser("anna").post(f"/alerts/{first}/acknowledge", {"others": others})
    assert answer.status_code == 303
    assert owners(district)[first] == "anna"


def test_what_is_left_is_one_tap_from_what_was_closed(district: District):
    first, second = other_alerts(district, "systolic", "spo2")[:2]
    anna = district.browser("anna")
    form = {"outcome": "advice-given", "review": "2026-09-28"}
    for number in (first, second):
        answer = anna.post(f"/alerts/{number}/close", form)
        page = anna.get(answer.headers["location"].split("#")[0]).text
        ahead = page[page.index("data-next") :].split("</p>")[0]
        left = district.world.rows("select id from alerts where closed_at is null")
        assert ("Next alert" in ahead) == bool(left)
        assert "data-next" not in anna.get(f"/alerts/{number}").text  # told once


def test_the_newest_evidence_comes_first_and_the_rest_is_folded(district: District):
    for ago in range(8, 0, -1):
        district.measure({"systolic": f"19{9 - ago}"}, ago=ago * HOUR)
    page = district.browser("anna").get(f"/alerts/{district.alert('systolic-high-outer')}").text
    values = re.findall(r'data-label="Value">(\d+)', page)
    assert values == [f"19{n}" for n in range(8, 0, -1)]
    folded = page[page.index("data-older") :]
    assert re.findall(r'data-label="Value">(\d+)', folded) == ["193", "192", "191"]
    assert "3 earlier ones" in folded


def test_a_value_still_beyond_its_limit_is_said_above_the_outcome(district: District):
    page = district.browser("anna").get(f"/alerts/{raised(district)}").text
    assert page.index("data-still-beyond") < page.index('id="outcome"')


def test_an_alert_closed_meanwhile_is_shown_to_who_would_take_it_on_and_nothing_else_is(
    district: District,
):
    first, second = other_alerts(district, "systolic", "spo2")[:2]
    form = {"outcome": "advice-given", "review": "2026-09-28"}
    district.browser("anna").post(f"/alerts/{first}/close", form)
    bruno = district.browser("bruno")
    answer = bruno.post(f"/alerts/{first}/acknowledge", {"others": str(second)})
    assert answer.status_code == 409
    assert "Somebody was faster: this alert has changed." in answer.text
    assert owners(district)[second] is None
