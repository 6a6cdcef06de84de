"""What waits on the worklist since the last shift: hand-overs, and the fate of one's proposals."""

import re

from server.services import alert_work, planning, shifts
from server.services.shipped import protocols
from tests.server.web.district import HOUR, MINUTE, WATCHED, District


def own(district: District, name: str = "anna") -> int:
    """Have somebody own a red alert."""
    district.measure({"systolic": "190"})
    number = district.alert("systolic-high-outer")
    with district.store.write() as tx:
        alert_work.acknowledge(tx, district.world.user(name), number, district.now)
    return number


def owner(district: District, number: int) -> str | None:
    return district.world.rows(f"select owner from alerts where id = {number}")[0][0]


def test_all_that_is_mine_goes_to_a_colleague_in_one_form(district: District) -> None:
    """Moment 5: 19:55 on the road."""
    number, browser = own(district), district.browser("anna")
    assert "data-give-away" in browser.get("/worklist").text
    assert browser.post("/duty/hand-over", {"to": "bruno"}).status_code == 303
    assert owner(district, number) == "bruno"
    assert "data-give-away" not in browser.get("/worklist").text


def test_or_to_the_team_and_its_chain_starts_anew(district: District) -> None:
    number = own(district)
    district.browser("anna").post("/duty/hand-over", {"to": "*"})
    assert owner(district, number) is None
    told = district.world.rows(f"select reason, role from messages where alert_id = {number}")
    assert told[-1] == ("handed-over", "nurse")
    page = district.browser("anna").get("/worklist").text
    assert "Anna Neri</strong> → the team" in page


def test_nobody_is_given_what_they_do_not_answer(district: District) -> None:
    number = own(district)
    with district.store.write() as tx:
        shifts.come_on(tx, district.world.user("tito"), district.now)
    browser = district.browser("anna")
    assert "Tito Valle, Technical service</option>" not in browser.get("/worklist").text
    browser.post("/duty/hand-over", {"to": "tito"})
    assert owner(district, number) == "anna"


def test_who_comes_back_sees_what_was_handed_over_since_the_last_shift(district: District) -> None:
    with district.store.write() as tx:
        shifts.go_off(tx, district.world.user("bruno"), district.now)
    district.now += HOUR
    district.beat(district.now + MINUTE)
    number = own(district)
    with district.store.write() as tx:
        alert_work.hand_over(tx, district.world.user("anna"), number, "dora", district.now)
    page = district.browser("bruno").get("/worklist").text
    found = page[page.index("data-handed-over") :]
    assert "Anna Neri</strong> → Dora Gallo" in found
    district.now += MINUTE
    with district.store.write() as tx:
        shifts.come_on(tx, district.world.user("bruno"), district.now)
        shifts.go_off(tx, district.world.user("bruno"), district.now)
    district.now += MINUTE
    assert "data-handed-over" not in district.browser("bruno").get("/worklist").text


def test_a_proposals_fate_comes_back_to_its_author_until_seen(district: District) -> None:
    """Moment 4: the limit that was proposed, and what the doctor said."""
    dora = district.world.user("dora")
    with district.store.write() as tx:
        patient = tx.directory.patient(district.maria)
        assert patient is not None
        plan = protocols()["heart-failure"].plan()
        version = planning.propose(tx, district.world.user("anna"), patient, plan, district.now)
        row = next(one for one in tx.directory.plans(patient.id) if one.version == version)
        planning.decline(tx, dora, patient, row, "Wait for the cardiologist", district.now)
    browser = district.browser("anna")
    page = browser.get("/worklist").text
    assert "declined by Dora Gallo" in page
    assert "Wait for the cardiologist" in page
    seen = re.search(r"/proposals/\d+/\d+/seen", page)
    assert seen is not None
    for other in ("bruno", "dora"):
        assert "data-fates" not in district.browser(other).get("/worklist").text
        assert district.browser(other).post(seen[0]).status_code == 404
    assert browser.post(seen[0]).status_code == 303
    assert "data-fates" not in browser.get("/worklist").text


def test_all_fates_that_were_shown_are_seen_at_once(district: District) -> None:
    """None that came since is: it was not read."""
    anna, dora = district.world.user("anna"), district.world.user("dora")
    with district.store.write() as tx:
        patient = tx.directory.patient(district.maria)
        assert patient is not None
        plan = protocols()["heart-failure"].plan()
        versions = [planning.propose(tx, anna, patient, plan, district.now) for _ in range(3)]
        for row in tx.directory.plans(patient.id):
            if row.version in versions:
                planning.decline(tx, dora, patient, row, "Not yet", district.now)
    browser = district.browser("anna")
    assert browser.get("/worklist").text.count("declined by") == 3
    shown = {f"{patient.id}/{version}": "1" for version in versions[:2]}
    hostile = {"9/9": "1", "x/1": "1", "1/2/3": "1", "-1/1": "1"}
    assert browser.post("/proposals/seen", {**shown, **hostile}).status_code == 303
    assert browser.get("/worklist").text.count("declined by") == 1


def test_a_proposal_that_a_later_version_overtook_has_its_fate_too(district: District) -> None:
    """Nurses propose, and whoever reads a yes to somebody else's plan wants to know of theirs."""
    anna, bruno, dora = (district.world.user(name) for name in ("anna", "bruno", "dora"))
    with district.store.write() as tx:
        patient = tx.directory.patient(district.maria)
        assert patient is not None
        plan = protocols()["heart-failure"].plan()
        first = planning.propose(tx, anna, patient, plan, district.now)
        second = planning.propose(tx, bruno, patient, plan, district.now)
        rows = {one.version: one for one in tx.directory.plans(patient.id)}
        planning.confirm(tx, dora, patient, rows[second], None, district.now)
    page = district.browser("anna").get("/worklist").text
    assert "overtaken: Dora Gallo confirmed a later version" in page
    assert "confirmed by Dora Gallo" in district.browser("bruno").get("/worklist").text
    doctor = district.browser("dora")
    plans = doctor.get(f"/patients/{district.maria}/plan").text
    assert "overtaken: Dora Gallo" in plans
    assert "draft, watches nothing" not in plans
    answer = doctor.post(f"/patients/{district.maria}/plan/{first}/confirm", {"shown": str(second)})
    assert answer.status_code == 409


def test_who_has_it_by_a_hand_over_did_not_take_it_on(district: District) -> None:
    """Anna gave it to Dora, who may not know yet; once Dora gives it on, Anna's word is gone."""
    number = own(district)
    with district.store.write() as tx:
        alert_work.hand_over(tx, district.world.user("anna"), number, "dora", district.now)
    browser = district.browser("bruno")
    for path in ("/worklist", "/worklist/sheet"):
        assert "handed over by Anna Neri, 16:13" in browser.get(path).text
    with district.store.write() as tx:
        alert_work.hand_over_all(tx, district.world.user("dora"), "*", district.now)
        alert_work.acknowledge(tx, district.world.user("anna"), number, district.now)
    assert "handed over by" not in browser.get("/worklist/sheet").text


def test_who_never_had_a_shift_is_not_told_of_one(district: District) -> None:
    number = own(district)
    with district.store.write() as tx:
        alert_work.hand_over(tx, district.world.user("anna"), number, "dora", district.now)
    page = district.browser("bruno").get("/worklist").text
    assert "2 alerts handed over in the last seven days" in page, "the inner limit's too"
    assert "since your last shift" not in page


def test_the_sheet_has_all_of_a_patient_in_one_place(district: District) -> None:
    own(district)
    piero = district.person("P2", "Bianchi", "Piero")
    district.world.plan(piero, WATCHED, 0)
    district.world.device("AA:BB:CC:DD:EE:02", piero)
    district.measure({"systolic": "190"}, device="AA:BB:CC:DD:EE:02")
    district.measure({"systolic": "165"})
    district.measure({"spo2": "80"}, profile="generic_oximeter")
    page = district.browser("anna").get("/worklist/sheet").text
    assert [page.count(f"<strong>{name}") for name in ("Rossi Maria", "Bianchi Piero")] == [1, 1]
    assert "Patients (5)" in page


def test_who_lost_an_alert_and_takes_it_on_again_has_it_from_nobody(district: District) -> None:
    number = own(district)
    bruno = district.world.user("bruno")
    with district.store.write() as tx:
        alert_work.hand_over(tx, district.world.user("anna"), number, "bruno", district.now)
        shifts.go_off(tx, bruno, district.now)
    assert owner(district, number) is None
    district.now += MINUTE
    browser = district.browser("bruno")
    assert browser.post(f"/alerts/{number}/acknowledge").status_code == 303
    assert owner(district, number) == "bruno"
    for path in ("/worklist", "/worklist/sheet"):
        assert "data-given" not in browser.get(path).text
