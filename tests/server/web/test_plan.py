"""The plan's pages: proposed, looked at in advance, confirmed by a doctor; nothing by a click."""

import re

import httpx
import msgspec
import pytest

from server.domain.plans import parse_plan
from server.services import planning, reaching, shipped
from server.web import texts
from tests.server.web.district import HOSTILE, HOUR, District

HEART = {
    "from": "heart-failure",
    "systolic-low-outer": "80",
    "systolic-low-inner": "90",
    "systolic-high-inner": "160",
    "systolic-high-outer": "170",
    "pulse-low-outer": "40",
    "pulse-low-inner": "50",
    "pulse-high-inner": "100",
    "pulse-high-outer": "110",
    "spo2-low-inner": "92",
    "keep-weight-esc-2kg-3d": "yes",
    "due-weight": "20:00",
    "due-systolic": "20:00",
}


def confirmed(district: District, where: str, who: str = "dora", **form: str) -> httpx.Response:
    """Look at a draft's page, and confirm what stands there."""
    browser = district.browser(who)
    found = re.search(r'name="shown" value="(\d+)"', browser.get(where).text)
    return browser.post(f"{where}/confirm", {"shown": found[1] if found else "0", **form})


def proposed(district: District, who: str = "anna", **changes: str) -> str:
    """Propose a plan and return its page's address."""
    answer = district.browser(who).post(f"/patients/{district.maria}/plan", {**HEART, **changes})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_a_nurse_proposes_and_sees_what_changes_and_what_it_would_have_raised(district: District):
    for hours in (100, 50, 20):
        district.measure({"systolic": "165"}, ago=hours * HOUR)
    where = proposed(district)
    page = district.browser("anna").get(where).text
    assert "draft, watches nothing" in page
    assert ">Systolic pressure, high, outer</th>" in page
    for days in (30, 90):
        preview = page[page.index(f'data-preview="{days}"') :]
        row = preview[preview.index("Systolic pressure, above 160") :][:200]
        assert row.count(">1<") == 2  # an alert by each plan: the value never came back inside
    assert "A nurse's minutes a week, at 10 an alert" in page.replace("&#39;", "'")
    assert "A doctor of this Community Health Centre confirms it." in page
    assert "Confirm in my name" not in page


def test_nobody_else_confirms_and_nothing_is_confirmed_twice(district: District):
    where = proposed(district)
    assert district.browser("anna").post(f"{where}/confirm").status_code == 403
    assert confirmed(district, where).status_code == 303
    assert confirmed(district, where).status_code == 409


def test_what_differs_needs_a_reason_and_the_form_is_kept(district: District):
    browser, path = district.browser("anna"), f"/patients/{district.maria}/plan"
    answer = browser.post(path, {**HEART, "spo2-low-inner": "90,5"})
    assert answer.status_code == 422
    assert 'id="reason-wrong"' in answer.text
    assert 'value="90,5"' in answer.text
    where = proposed(district, **{"spo2-low-inner": "90,5", "reason": HOSTILE})
    page = browser.get(where).text
    assert "below 90.5" in page
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"systolic-high-outer": "150"}, "crossed"),
        ({"systolic-high-outer": "a lot"}, 'id="systolic-high-outer-wrong"'),
        ({"systolic-high-outer": "NaN"}, 'href="#systolic-high-outer"'),
        ({"systolic-high-outer": "5000"}, "No value of a person can be there"),
        ({"due-weight": "25:00"}, "due"),
        ({"from": "somewhere"}, "begin again"),
    ],
)
def test_a_wrong_plan_is_refused_whole(district: District, changes: dict, said: str):
    browser, path = district.browser("anna"), f"/patients/{district.maria}/plan"
    answer = browser.post(path, {**HEART, "reason": "test", **changes})
    assert answer.status_code == 422
    assert said in answer.text
    assert district.world.rows("SELECT max(version) FROM plans") == [(1,)]


def test_a_plan_that_watches_less_than_usual_takes_two_clinicians(district: District):
    """H8: palliative care is no mistake, but not one person's decision."""
    wide = {"systolic-high-outer": "260", "reason": "palliative care"}
    own = proposed(district, "dora", **wide)
    page = district.browser("dora").get(own).text
    assert "another clinician must confirm it" in page
    assert "Confirm in my name" not in page
    assert district.browser("dora").post(f"{own}/confirm", {"shown": "1"}).status_code == 422
    nurses = proposed(district, "anna", **wide)
    assert confirmed(district, nurses).status_code == 303


def test_a_rule_that_is_left_out_stands_among_the_changes(district: District):
    dropped = {key: value for key, value in HEART.items() if not key.startswith("keep-")}
    browser, path = district.browser("anna"), f"/patients/{district.maria}/plan"
    where = browser.post(path, {**dropped, "reason": "a scale is not there"}).headers["location"]
    assert "left out of its protocol" in browser.get(where).text
    assert confirmed(district, where).status_code == 303
    district.judge()
    district.now += HOUR
    browser = district.browser("dora")
    again = browser.post(path, {**HEART, "from": "heart-failure"}).headers["location"]
    page = browser.get(again).text
    changed = page[page.index("data-changes") :]
    assert "Weight: " in changed
    assert "no longer watched" not in changed


def test_what_came_into_force_meanwhile_is_shown_before_anything_is_confirmed(
    district: District,
):
    first, second = proposed(district), proposed(district)
    browser = district.browser("dora")
    shown = {"shown": "1"}
    assert browser.post(f"{second}/confirm", shown).status_code == 303
    answer = browser.post(f"{first}/confirm", shown)
    assert answer.status_code == 409
    assert "Something has changed since this page was shown." in answer.text
    path = f"/patients/{district.maria}/plan"
    stale = {**HEART, "from": "in-force", "shown": "1", "reason": "test"}
    assert "begin again" in browser.post(path, stale).text


def test_a_plan_that_watches_nothing_is_none(district: District):
    browser, path = district.browser("dora"), f"/patients/{district.maria}/plan"
    answer = browser.post(path, {"from": "in-force", "shown": "1", "reason": "r"})
    assert answer.status_code == 422
    assert "it watches nothing" in answer.text


def test_an_alert_leads_to_another_limit(district: District):
    """The same harmless alert for the tenth time: a proposal begins with the plan in force."""
    district.measure({"systolic": "165"})
    browser = district.browser("anna")
    page = browser.get(f"/alerts/{district.alert('systolic-high-inner')}").text
    where = f"/patients/{district.maria}/plan?from=in-force"
    assert where in page
    form = browser.get(where).text
    assert 'name="systolic-high-inner" inputmode="decimal" size="6" value="160"' in form


def test_every_look_and_step_is_on_the_record(district: District):
    where = proposed(district)
    confirmed(district, where)
    done = district.world.rows(
        "SELECT who, what FROM audit WHERE what IN"
        " ('plan-proposed', 'plan-seen', 'plan-confirmed') ORDER BY id"
    )
    assert done == [("anna", "plan-proposed"), ("dora", "plan-seen"), ("dora", "plan-confirmed")]


def test_a_doctor_declines_with_a_reason_that_the_nurse_reads(district: District):
    where = proposed(district)
    browser = district.browser("dora")
    assert 'name="because"' in browser.get(where).text
    answer = browser.post(f"{where}/decline", {"because": "  "})
    assert answer.status_code == 422
    assert "Say why" in answer.text
    answer = browser.post(f"{where}/decline", {"because": HOSTILE})
    assert answer.headers["location"] == f"/patients/{district.maria}?done=declined"
    page = district.browser("anna").get(where).text
    assert "declined by Dora Gallo" in page
    assert "&lt;script&gt;" in page
    assert "data-waiting" not in browser.get("/patients").text


def test_nobody_else_declines_and_what_is_decided_stays(district: District):
    where, other = proposed(district), proposed(district)
    because = {"because": "not now"}
    assert district.browser("anna").post(f"{where}/decline", because).status_code == 403
    assert district.browser("olga").post(f"{where}/decline", because).status_code in (403, 404)
    dora = district.browser("dora")
    assert dora.post(f"{where}/decline", because).status_code == 303
    assert dora.post(f"{where}/decline", because).status_code == 409
    assert confirmed(district, where).status_code == 409
    assert confirmed(district, other).status_code == 303
    assert dora.post(f"{other}/decline", because).status_code == 409


def test_a_draft_says_who_is_told_and_whom_no_message_reaches(district: District) -> None:
    with district.store.write() as tx:
        anna = district.world.user("anna")
        reaching.add(tx, anna, "email", "anna@chc.example", (), district.now)
    page = district.browser("dora").get(proposed(district)).text
    gaps = page[page.index("data-gaps") : page.index("</ul>", page.index("data-gaps"))]
    assert "Nurse: no channel for Bruno Conti" in gaps
    assert "Doctor: no channel for Dora Gallo" in gaps
    assert "Anna Neri" not in gaps
    assert "Nurse 15 minutes, then Doctor 15 minutes" in page
    assert "Nurse 24 hours, then Single point of contact 24 hours" in page


SOONER = {"chain-high-0-role": "nurse", "chain-high-0-minutes": "5", "reason": "Lives alone"}


def test_who_is_told_is_fitted_on_the_form_and_stands_among_the_changes(district: District):
    page = district.browser("anna").get(f"/patients/{district.maria}/plan?from=in-force").text
    assert 'name="chain-high-0-minutes" inputmode="numeric" size="5" value="15"' in page
    doctor = {"chain-high-1-role": "doctor", "chain-high-1-minutes": "10", "call-tries": "2"}
    where = proposed(district, **SOONER, **doctor)
    page = district.browser("dora").get(where).text
    assert "High: Nurse 5′, Doctor 10′" in page
    assert "2 calls, then to the door" in page
    assert confirmed(district, where).status_code == 303
    with district.store.read() as tx:
        plan = tx.directory.plans(district.maria)[-1].plan
    assert [(one.role, one.minutes) for one in plan.chain["high"]] == [("nurse", 5), ("doctor", 10)]
    assert list(plan.chain) == ["high"]
    assert plan.call_tries == 2


def test_a_form_that_leaves_the_chains_as_they_are_writes_none(district: District):
    page = district.browser("anna").get(f"/patients/{district.maria}/plan?from=heart-failure").text
    shown = dict(re.findall(r'name="(chain-[a-z]+-\d-minutes)"[^>]* value="(\d*)"', page))
    roles = re.findall(r'name="(chain-[a-z]+-\d-role)" >(.*?)</select>', page, re.DOTALL)
    for name, options in roles:
        chosen = re.search(r'value="([a-z-]+)" selected', options)
        shown[name] = chosen[1] if chosen else ""
    assert len(shown) == 2 * (3 + 3 + 2 + 3)  # each chain's steps, and an empty one
    proposed(district, **shown, **{"call-tries": "3"})
    with district.store.read() as tx:
        plan = tx.directory.plans(district.maria)[-1].plan
    assert plan.chain == {}
    assert plan.call_tries is None


def test_who_is_told_that_nobody_measured_does_not_follow_a_changed_low_chain(district: District):
    """Its own form said nurse and contact point; a chain for low alerts must not undo that."""
    low = {"chain-low-0-role": "doctor", "chain-low-0-minutes": "60", "reason": "His wish"}
    shown = {
        "chain-adherence-0-role": "nurse",
        "chain-adherence-0-minutes": "1440",
        "chain-adherence-1-role": "contact-point",
        "chain-adherence-1-minutes": "1440",
    }
    proposed(district, **low, **shown)
    with district.store.read() as tx:
        plan = tx.directory.plans(district.maria)[-1].plan
    assert [one.role for one in plan.chain["adherence"]] == ["nurse", "contact-point"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chain-high-0-role": ""}, 'id="chain-high-0-role-wrong"'),
        ({**SOONER, "chain-high-0-minutes": "soon"}, 'id="chain-high-0-minutes-wrong"'),
        ({**SOONER, "chain-high-0-minutes": "0"}, 'id="chain-high-0-role-wrong"'),
        ({**SOONER, "chain-high-0-role": "technical-service"}, "chain high"),
        ({**SOONER, "chain-high-0-role": HOSTILE}, 'id="chain-high-0-role-wrong"'),
        ({"call-tries": "7", "reason": "x"}, "call_tries"),
        ({"call-tries": "9" * 5000}, 'id="call-tries-wrong"'),
        ({**SOONER, "chain-high-0-minutes": "9" * 5000}, 'id="chain-high-0-minutes-wrong"'),
        ({"call-tries": "-1"}, 'id="call-tries-wrong"'),
    ],
)
def test_a_chain_that_cannot_be_is_refused_with_its_name(district: District, changes, said):
    browser = district.browser("anna")
    answer = browser.post(f"/patients/{district.maria}/plan", {**HEART, **changes})
    assert answer.status_code == 422
    assert said in answer.text
    assert HOSTILE not in answer.text


def test_a_chain_that_waits_longer_than_usual_takes_two_clinicians(district: District):
    where = proposed(district, who="dora", **{**SOONER, "chain-high-0-minutes": "600"})
    page = district.browser("dora").get(where).text
    assert "waits 600 minutes for an answer; usual are at most 15" in page
    assert "Confirm in my name" not in page
    answer = district.browser("dora").post(f"{where}/confirm", {"shown": "1"})
    assert answer.status_code == 422


def test_an_author_takes_a_draft_back_and_nobody_else_does(district: District) -> None:
    where = proposed(district)
    assert "Take the draft back" not in district.browser("dora").get(where).text
    assert district.browser("dora").post(f"{where}/withdraw").status_code == 403
    browser = district.browser("anna")
    answer = browser.post(f"{where}/withdraw")
    assert answer.headers["location"] == f"/patients/{district.maria}/plan?done=withdrawn"
    assert "taken back by its author" in browser.get(where).text
    assert browser.post(f"{where}/withdraw").status_code == 409
    assert confirmed(district, where).status_code == 409, "what is taken back is never confirmed"
    assert "data-decide" not in district.browser("dora").get(f"/patients/{district.maria}").text
    assert "data-fates" not in browser.get("/worklist").text, "one's own step is no news"


def test_who_writes_another_draft_is_told_of_the_one_that_waits(district: District) -> None:
    page = f"/patients/{district.maria}/plan?from=heart-failure"
    browser = district.browser("bruno")
    assert "data-waits" not in browser.get(page).text
    where = proposed(district)
    found = browser.get(page).text
    assert "A draft waits for a doctor already:" in found
    assert f'<a href="{where}">' in found


def test_a_plan_that_waits_for_more_values_than_usual_says_so(district: District) -> None:
    """Three readings beyond the inner limit out of five: a doctor sees by which vital, in words."""
    with district.store.write() as tx:
        person = tx.directory.patient(district.maria)
        assert person is not None
        threshold = {"code": "systolic", "source": "ESC 2024", "high_inner": "160", "inner_n": 5,
                     "inner_m": 7}  # fmt: skip
        plan = parse_plan(msgspec.json.encode({"thresholds": [threshold]}))
        anna = district.world.user("anna")
        version = planning.propose(tx, anna, person, plan, district.now)
    page = district.browser("dora").get(f"/patients/{district.maria}/plan/{version}").text
    assert "Systolic pressure, how it is judged" in page
    assert "the inner level needs 5 values" in page


def test_who_confirms_is_told_first_what_falls_away_and_its_author_afterwards(district: District):
    first = proposed(district, **{"spo2-low-inner": "91", "reason": "sleeps badly"})
    second = proposed(district, **{"pulse-high-inner": "98", "reason": "beta blocker"})
    for where in (second, f"/patients/{district.maria}"):
        page = district.browser("dora").get(where).text
        falls = page[page.index("data-overtakes") :][:600]
        assert f'href="{first}"' in falls
        assert "sleeps badly" in falls
    assert "data-overtakes" not in district.browser("dora").get(first).text
    confirmed(district, second)
    assert "yours is not in force" in district.browser("anna").get("/worklist").text


def test_a_draft_begins_with_the_one_that_waits_and_keeps_what_it_says(district: District):
    first = proposed(district, **{"spo2-low-inner": "91", "reason": "sleeps badly"})
    path, browser = f"/patients/{district.maria}/plan", district.browser("anna")
    start = f"draft-{first.rsplit('/', 1)[1]}"
    assert f'href="{path}?from={start}"' in browser.get(f"{path}?from=in-force").text
    form = browser.get(f"{path}?from={start}").text
    assert re.search(r'name="spo2-low-inner"[^>]* value="91"', form)
    assert 'value="sleeps badly"' in form
    second = proposed(
        district, **{"from": start, "spo2-low-inner": "91", "pulse-high-inner": "98", "reason": "B"}
    )
    changes = browser.get(second).text
    changes = changes[changes.index("data-changes") : changes.index("</table>")]
    assert "below 91" in changes
    assert "above 98" in changes
    confirmed(district, second)
    late = browser.post(path, {**HEART, "from": start})
    assert late.status_code == 422
    assert "waits no more: begin again" in late.text


def test_every_draft_that_waits_is_on_the_doctors_list(district: District):
    both = [proposed(district), proposed(district, **{"pulse-high-inner": "98", "reason": "B"})]
    page = district.browser("dora").get("/patients").text
    waiting = page[page.index("data-waiting") :].split("</ul>")[0]
    # The newest is decided beside the patient's values, an earlier one on its own page.
    assert f'href="{both[0]}"' in waiting
    assert f'href="/patients/{district.maria}"' in waiting


def test_a_version_shows_all_that_it_watches_and_warns_only_before_it_is_confirmed(
    district: District,
):
    where = proposed(district, **{"spo2-low-inner": "80", "reason": "palliative care"})
    page = district.browser("dora").get(where).text
    whole = page[page.index("data-whole") :]
    assert "Protocol: Heart failure 1" in whole
    assert "below 80 %; " in whole or "below 80 %<" in whole
    assert "expected every day by 20:00" in whole
    assert "another clinician must confirm it" in page
    confirmed(district, where)
    page = district.browser("dora").get(where).text
    assert "another clinician must confirm it" not in page
    assert "Watches less than is usual" in page


def test_a_protocol_is_named_in_the_readers_language(district: District):
    found = {name: one.population for name, one in shipped.protocols().items()}
    assert found == texts.POPULATIONS
    assert texts.PROTOCOLS.keys() == found.keys()
    browser = district.browser("anna")
    browser.post("/language", {"language": "it", "next": "/worklist"})
    page = browser.get(f"/patients/{district.maria}/plan?from=heart-failure")
    assert "Scompenso cardiaco 1" in page.text
    assert "adulti con scompenso cardiaco cronico a domicilio" in page.text
