"""Coverage on the page: hours agreed with what they leave to nobody, a stand-in, the roster."""

from server.services.polling import poll
from server.web.wording import Wording
from tests.server.web.district import HOUR, Browser, District
from tests.server.web.test_duty import off_duty, owner, raised

WEEKDAYS = range(7)


def form(browser: Browser, **changed: str) -> dict[str, str]:
    """Return the page's form as a browser would send it, with some fields changed."""
    page = browser.get("/coverage").text
    was = page.split('name="was" value="')[1].split('"')[0]
    team = {f"hours-{day}": "08:00-20:00" for day in WEEKDAYS}
    return {"was": was, **team, "recipient": "", **changed}


def nights(**changed: str) -> dict[str, str]:
    agreed = {f"recipient_hours-{day}": "20:00-8:00" for day in WEEKDAYS}
    return {**agreed, "recipient": "dora", **changed}


def on_record(district: District) -> tuple:
    columns = "hours, recipient, recipient_hours, stand_in"
    return district.world.rows(f"SELECT {columns} FROM chcs ORDER BY id")[0]


def local(district: District, ago: int) -> str:
    return Wording("it", "Europe/Rome", district.now).local(district.now - ago)


def test_a_coordinator_agrees_the_hours_and_the_record_says_who(district: District):
    browser = district.browser("carmen")
    filled = form(browser, **nights(), **{"hours-6": ""}, left="")
    filled["recipient_hours-6"] = "0:00 – 24:00, 20:00-08:00"
    answer = browser.post("/coverage", filled)
    assert (answer.status_code, answer.headers["location"]) == (303, "/coverage?done=saved")
    assert on_record(district) == (
        "Mon-Sat 08:00-20:00",
        "dora",
        "Mon-Sat 20:00-08:00, Sun 00:00-24:00, Sun 20:00-08:00",
        None,
    )
    page = browser.get("/coverage").text
    assert "Mon–Sat 08:00–20:00" in page
    assert 'name="recipient_hours-0" maxlength="80" autocomplete="off" value="20:00-08:00"' in page
    query = "SELECT who, detail FROM audit WHERE what='hours-agreed'"
    assert district.world.rows(query)[0][0] == "carmen"


def test_hours_that_nobody_covers_are_seen_before_they_are_agreed(district: District):
    browser = district.browser("carmen")
    browser.post("/coverage", form(browser, **nights()))
    without = form(browser, **nights(**{"recipient_hours-6": ""}))
    answer = browser.post("/coverage", without)
    assert answer.status_code == 409
    assert "data-left" in answer.text
    assert "Sun 20:00–08:00" in answer.text
    assert on_record(district)[2] == "Mon-Sun 20:00-08:00"
    seen = answer.text.split('name="left" value="')[1].split('"')[0]
    assert browser.post("/coverage", {**without, "left": seen}).status_code == 303
    assert on_record(district)[2] == "Mon-Sat 20:00-08:00"


def test_of_two_changes_the_second_sees_the_first(district: District):
    browser = district.browser("carmen")
    first, second = form(browser, **nights()), form(browser, **nights(recipient="anna"))
    assert browser.post("/coverage", first).status_code == 303
    answer = browser.post("/coverage", second)
    assert (answer.status_code, "data-stale" in answer.text) == (409, True)
    assert on_record(district)[1] == "dora"
    assert '<option value="anna" selected>' in answer.text


def test_what_is_wrong_is_said_at_the_field_and_the_form_is_kept(district: District):
    browser = district.browser("carmen")
    now = local(district, 0)
    wrong = {
        "hours-2": {"hours-2": "8 to 20"},
        "hours-0": {f"hours-{day}": "" for day in WEEKDAYS},
        "hours": {
            f"hours-{day}": f"0{day}:00-0{day}:30, 1{day}:00-1{day}:30, 20:00-20:30"
            for day in WEEKDAYS
        },
        "recipient": nights(recipient=""),
        "recipient_hours-0": nights(**{"recipient_hours-0": "25:00-26:00"}),
        "stand_in": nights(stand_in="anna", stand_in_from=now),
        "stand_in_until": nights(stand_in="anna", stand_in_from=now, stand_in_until=now),
        "stand_in_from": nights(stand_in="anna", stand_in_from="<b>", stand_in_until=now),
    }
    early = nights(stand_in="anna", stand_in_from="0001-01-01T00:00", stand_in_until=now)
    for field, changed in [*wrong.items(), ("stand_in_from", early)]:
        answer = browser.post("/coverage", form(browser, **changed))
        assert (field, answer.status_code) == (field, 422)
        assert f'aria-describedby="{field}-wrong"' in answer.text, field
        assert "<b>" not in answer.text
    assert on_record(district) == (None, None, None, None)
    for name in ("tito", "ada", "nobody", "", "' OR 1=1 --"):
        answer = browser.post("/coverage", form(browser, **nights(recipient=name)))
        assert answer.status_code == 422, name


def test_a_stand_in_is_told_in_the_recipients_place_and_only_while_it_lasts(district: District):
    off_duty(district, "anna", "bruno", "dora")
    always = {f"recipient_hours-{day}": "00:00-24:00" for day in WEEKDAYS}
    absent = {
        "stand_in": "bruno",
        "stand_in_from": local(district, HOUR),
        "stand_in_until": local(district, -2 * HOUR),
    }
    browser = district.browser("carmen")
    filled = form(browser, recipient="dora", **always, **absent)
    assert browser.post("/coverage", filled).status_code == 303
    number = raised(district)
    with district.store.write() as tx:
        poll(tx, district.now)
    said = f'SELECT "user" FROM messages WHERE alert_id = {number} ORDER BY id'
    assert ("bruno",) in district.world.rows(said)
    assert ("dora",) not in district.world.rows(said)
    page = browser.get("/coverage").text
    assert "In their place" in page
    refused = browser.post("/coverage/off", {"name": "bruno", "leave": "1"})
    assert (refused.status_code, "name a stand-in" in refused.text) == (409, True)
    district.now += 2 * HOUR + 60_000
    with district.store.write() as tx:
        poll(tx, district.now)
    on_duty = "SELECT name FROM users WHERE on_duty_until > 0 AND name IN ('anna', 'bruno', 'dora')"
    assert district.world.rows(on_duty) == [("dora",)]
    assert ("dora",) in district.world.rows(said)


def test_a_colleague_is_put_on_duty_and_taken_off_by_the_coordinator(district: District):
    off_duty(district, "bruno")
    browser = district.browser("carmen")
    assert browser.post("/coverage/on", {"name": "bruno"}).status_code == 303
    assert "Bruno Conti" in district.browser("anna").get("/worklist").text
    number = raised(district)
    district.browser("bruno").post(f"/alerts/{number}/acknowledge")
    asked = browser.post("/coverage/off", {"name": "bruno"})
    assert (asked.status_code, owner(district, number)) == (409, "bruno")
    assert "2 alerts will be nobody" in asked.text
    assert browser.post("/coverage/off", {"name": "bruno", "leave": "1"}).status_code == 303
    assert owner(district, number) is None
    query = "SELECT who FROM audit WHERE what IN ('came-on-duty', 'went-off-duty') ORDER BY id DESC"
    assert district.world.rows(query)[:2] == [("carmen",), ("carmen",)]


def test_the_last_on_duty_is_not_taken_off_unseen(district: District):
    off_duty(district, "bruno", "dora")
    browser = district.browser("carmen")
    asked = browser.post("/coverage/off", {"name": "anna"})
    assert (asked.status_code, "Nobody reads then" in asked.text) == (409, True)


def test_nobody_of_another_chc_or_without_alerts_is_on_the_roster(district: District):
    district.elsewhere()
    browser = district.browser("ada")  # an administrator may, and works no alerts
    page = browser.get("/coverage").text
    assert "Anna Neri" in page
    for name in ("ada", "elsewhere", ""):
        for verb in ("on", "off"):
            assert browser.post(f"/coverage/{verb}", {"name": name}).status_code == 404, name
