"""Duty on the pages: who reads is on every one, and what one leaves is seen before it is left."""

from server.services import shifts
from server.services.polling import poll
from tests.server.web.district import DAY, HOUR, District


def raised(district: District) -> int:
    district.measure({"systolic": "190"})
    return district.alert("systolic-high-outer")


def off_duty(district: District, *names: str) -> None:
    with district.store.write() as tx:
        for name in names:
            tx.directory.set_duty(district.world.user(name).id, None)


def owner(district: District, number: int) -> str | None:
    return district.world.rows(f"select owner from alerts where id={number}")[0][0]


def test_every_page_says_whether_one_is_on_duty_and_with_whom(district: District):
    browser = district.browser("anna")
    for path in ("/worklist", "/patients", "/held", "/fleet", f"/patients/{district.maria}"):
        page = browser.get(path).text
        assert "You are on duty until" in page
        assert "Bruno Conti" in page
        assert "Go off duty" in page


def test_one_click_brings_on_duty_until_the_hours_end_and_back_to_the_page(district: District):
    off_duty(district, "anna")
    browser = district.browser("anna")
    assert "You are off duty." in browser.get("/fleet").text
    answer = browser.post("/duty/on", {"next": "/fleet"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/fleet")
    assert "You are on duty until 20:00." in browser.get("/fleet").text
    assert browser.post("/duty/on", {"next": "//evil.example"}).headers["location"] == "/duty"


def test_nobody_on_duty_is_loud_on_every_page(district: District):
    off_duty(district, "anna", "bruno", "dora")
    browser = district.browser("anna")
    for path in ("/worklist", "/worklist/rows", "/patients", "/duty"):
        page = browser.get(path).text
        assert page.count("data-nobody-on-duty") == 1, path
    raised(district)
    assert "UNANSWERED" in browser.get("/worklist").text
    browser.post("/duty/on")
    assert "data-nobody-on-duty" not in browser.get("/worklist").text
    said = district.world.rows("select reason, user from messages order by id")
    assert set(said) == {("came-on-duty", "anna")}


def test_going_off_shows_first_what_one_owns(district: District):
    number = raised(district)
    browser = district.browser("anna")
    browser.post(f"/alerts/{number}/acknowledge")
    answer = browser.post("/duty/off")
    assert (answer.status_code, answer.headers["location"]) == (303, "/duty")
    page = browser.get("/duty").text
    assert f'href="/alerts/{number}"' in page
    assert "You are on duty until" in page
    assert owner(district, number) == "anna"


def test_the_last_on_duty_sees_first_what_going_leaves(district: District):
    off_duty(district, "bruno", "dora")
    browser = district.browser("anna")
    assert browser.post("/duty/off").headers["location"] == "/duty"
    page = browser.get("/duty").text
    assert "You are on duty until" in page
    assert "You are the last on duty" in page
    assert browser.post("/duty/off", {"leave": "1"}).headers["location"] == "/duty?done=off-duty"
    assert "You are off duty." in browser.get("/duty").text


def test_signing_out_on_duty_asks_first(district: District):
    browser = district.browser("anna")
    assert browser.post("/sign-out").headers["location"] == "/duty?leaving=1"
    assert "Sign out and stay on duty" in browser.get("/duty?leaving=1").text
    browser.post("/duty/off")
    assert browser.post("/sign-out").headers["location"] == "/sign-in"
    browser = district.browser("bruno")
    assert browser.post("/sign-out", {"anyway": "1"}).headers["location"] == "/sign-in"


def test_all_is_handed_over_as_one_act(district: District):
    number = raised(district)
    anna, bruno = district.browser("anna"), district.browser("bruno")
    anna.post(f"/alerts/{number}/acknowledge")
    deadline = district.world.rows(f"select deadline_at from alerts where id={number}")
    assert anna.post("/duty/off", {"to": "olga"}).status_code == 422
    assert anna.post("/duty/off", {"to": "bruno"}).status_code == 303
    assert owner(district, number) == "bruno"
    assert district.world.rows(f"select deadline_at from alerts where id={number}") == deadline
    assert "You are off duty." in anna.get("/duty").text
    assert "taken on by Bruno Conti" in bruno.get("/worklist").text
    told = district.world.rows("select reason, user from messages order by id")
    assert told[-1] == ("handed-over", "bruno")
    audited = district.world.rows("select who, detail from audit where what='alert-handed-over'")
    inner = district.alert("systolic-high-inner")
    assert set(audited) == {("anna", f"alert {one} to bruno") for one in (number, inner)}


def test_left_without_handing_over_it_is_nobodys_and_told_again(district: District):
    number = raised(district)
    anna = district.browser("anna")
    anna.post(f"/alerts/{number}/acknowledge")
    assert anna.post("/duty/off", {"leave": "1"}).status_code == 303
    assert owner(district, number) is None
    told = district.world.rows("select reason, role, user from messages order by id")
    assert told[-1] == ("off-duty", "nurse", None)


def test_one_alert_is_handed_over_by_its_owner_alone(district: District):
    number = raised(district)
    anna, bruno = district.browser("anna"), district.browser("bruno")
    anna.post(f"/alerts/{number}/acknowledge")
    assert "Hand over to" not in bruno.get(f"/alerts/{number}").text
    assert bruno.post(f"/alerts/{number}/hand-over", {"to": "dora"}).status_code == 409
    assert anna.post(f"/alerts/{number}/hand-over", {"to": "nobody"}).status_code == 422
    assert anna.post(f"/alerts/{number}/hand-over", {"to": "dora"}).status_code == 303
    assert owner(district, number) == "dora"


def test_taking_an_alert_on_is_coming_on_duty(district: District):
    number = raised(district)
    off_duty(district, "anna")
    anna = district.browser("anna")
    anna.post(f"/alerts/{number}/acknowledge")
    assert "You are on duty until 20:00." in anna.get("/worklist").text


def test_before_a_shift_ends_the_pages_ask_to_hand_over_or_stay(district: District):
    with district.store.write() as tx:
        shifts.put_on(tx, district.world.user("anna"), district.now + HOUR, "test", district.now)
    browser = district.browser("anna")
    assert "Hand over what is yours, or stay on." in browser.get("/worklist").text
    browser.post("/duty/on")
    assert "Hand over what is yours" not in browser.get("/worklist").text


def test_a_shift_that_ended_by_itself_leaves_nothing_owned(district: District):
    number = raised(district)
    with district.store.write() as tx:
        shifts.put_on(tx, district.world.user("anna"), district.now + HOUR, "test", district.now)
    district.browser("anna").post(f"/alerts/{number}/acknowledge")
    district.now += HOUR
    with district.store.write() as tx:
        poll(tx, district.now)
    assert owner(district, number) is None


def test_a_paused_alert_shows_who_why_until_and_whose_it_is_and_ends_by_a_click(
    district: District,
):
    number = raised(district)
    anna, bruno = district.browser("anna"), district.browser("bruno")
    anna.post(f"/alerts/{number}/acknowledge")
    anna.post(f"/alerts/{number}/pause", {"hours": "4", "reason": "In hospital"})
    for path in ("/worklist", f"/alerts/{number}"):
        page = bruno.get(path).text
        assert "paused by Anna Neri: In hospital" in page
        assert "paused until 20:13, taken on by Anna Neri" in page
    assert bruno.post(f"/alerts/{number}/resume").status_code == 303
    assert "paused" not in bruno.get("/worklist").text
    assert bruno.post(f"/alerts/{number}/resume").status_code == 409
    assert district.world.rows("select count(*) from audit where what='pause-ended'") == [(1,)]
    told = district.world.rows("select reason from messages order by id")
    assert ("pause-ended",) in told[-2:]


def test_the_hours_nobody_covers_are_on_the_patients_page(district: District):
    page = district.browser("anna").get(f"/patients/{district.maria}").text
    assert "Hours nobody covers: <strong>Mon–Sun 20:00–08:00</strong>" in page


def test_who_was_not_reached_is_looked_for_again_within_a_day(district: District):
    high = raised(district)
    medium = district.alert("systolic-high-inner")
    anna = district.browser("anna")
    assert "patient-not-reached" not in anna.get(f"/alerts/{high}").text
    form = {"outcome": "patient-not-reached", "review": "2026-09-24"}
    assert anna.post(f"/alerts/{high}/close", {**form, "review": "2026-09-22"}).status_code == 422
    assert anna.post(f"/alerts/{medium}/close", form).status_code == 422
    form["review"] = "2026-09-22"
    assert anna.post(f"/alerts/{medium}/close", form).status_code == 303
    district.now += DAY
    with district.store.write() as tx:
        poll(tx, district.now)
    anna = district.browser("anna")  # a day later: signed in anew
    page = anna.get("/worklist").text
    assert "Review is due: Systolic pressure, above 160" in page
    review = district.alert("review-systolic-high-inner")
    assert f'href="/alerts/{medium}"' in anna.get(f"/alerts/{review}").text
