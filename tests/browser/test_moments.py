"""The moments by which a nurse keeps the pages or leaves them, each as it happens."""

import re

from playwright.sync_api import Page, expect

from server.messaging.screen import Screen
from server.services import alert_work, reaching
from server.services.delivering import due_letters
from server.services.polling import poll
from server.services.telling import deliver_messages
from server.web.letters import writer
from tests.browser.conftest import SCREENS, OpenPage, Served
from tests.server.web.district import DAY, HOUR, PASSWORD, WATCHED, District

PICTURES = SCREENS / "a-day"
ROW = "[data-worklist] tr[data-alert]"


def pictured(page: Page, name: str) -> None:
    """Keep what is seen, for ``docs/a-day.md``."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.evaluate("document.fonts.ready.then(() => 0)")
    expect(page.locator("[data-charts-url]:not([data-drawn])")).to_have_count(0)
    page.screenshot(path=PICTURES / f"{name}.png")


def silence(district: District, homes: int) -> None:
    """Let the gateways of a valley fall silent, and what was expected there not come."""
    with district.store.write() as tx:
        for number in range(homes):
            gateway = f"valley-{number}"
            tx.directory.add_gateway(gateway, district.world.chc, 0, None)
            tx.measurements.seen_gateway(gateway, district.now - HOUR, 0, {})
        poll(tx, district.now)
        outage = tx.alerts.open_rule("homes-out-of-reach")[0].id
    for number in range(homes):
        patient = district.person(f"V{number}", f"Valligiano{number:02}", "Piera")
        with district.store.write() as tx:
            due = district.now
            silent = (due - DAY, due, "gateway-silent", outage)
            tx.alerts.add_absence(patient, district.world.chc, 0, *silent)


def test_at_eight_who_first_and_who_is_truly_fine(served: Served, open_page: OpenPage):
    """Who needs somebody stands first; of each patient it says measured, missed or not watched."""
    district = served.district
    for number, family, watched in ((2, "Alba", True), (3, "Bassi", True), (5, "Dotti", False)):
        patient = district.person(f"P{number}", family, "Ada")
        district.world.device(f"AA:BB:CC:DD:EE:{number:02}", patient)
        if watched:
            district.world.plan(patient, WATCHED, 0)
    district.measure({"systolic": "121"}, device="AA:BB:CC:DD:EE:02", ago=HOUR)
    district.measure({"systolic": "121"}, device="AA:BB:CC:DD:EE:05", ago=HOUR)
    district.measure({"systolic": "165"}, ago=2 * HOUR)
    district.measure({"spo2": "80"}, ago=HOUR)
    page = open_page("anna", "en")
    expect(page.locator(ROW).first).to_contain_text("Oxygen saturation 80 %")
    expect(page.get_by_text("Last checked at")).to_be_visible()
    pictured(page, "worklist")
    page.goto("/patients")
    lines = page.locator("tr[data-patient]")
    expect(lines.first).to_contain_text("Rossi")
    fine = lines.filter(has_text="measured and judged")
    expect(fine.filter(has_text="Alba")).to_have_count(1)
    expect(fine.filter(has_text="Bassi")).to_have_count(0)
    expect(lines.filter(has_text="Dotti")).to_contain_text("received, not watched")
    pictured(page, "patients")
    page.locator("[data-state='missing'] a").click()
    expect(page.locator("tr[data-patient]")).to_have_count(1)
    expect(page.locator("tr[data-patient]")).to_contain_text("Bassi")


def test_after_an_outage_eighty_people_did_not_measure(served: Served, open_page: OpenPage):
    """One row for the cause, not eighty; and who is at high risk stands out under it."""
    district = served.district
    district.measure({"systolic": "190"}, ago=2 * HOUR)
    silence(district, 80)
    with district.store.write() as tx:
        outage = tx.alerts.open_rule("homes-out-of-reach")[0].id
        due = district.now
        silent = (due - DAY, due, "gateway-silent", outage)
        tx.alerts.add_absence(district.maria, district.world.chc, 0, *silent)
    page = open_page("anna", "en")
    expect(page.locator(ROW)).to_have_count(1)  # of Maria's pressure: nobody else's is hidden by it
    page.goto("/worklist?tab=technical")
    expect(page.locator(ROW)).to_have_count(1)
    page.locator(ROW).get_by_role("link", name="Several homes").click()
    expect(page.get_by_text("81 patients of whom nothing came")).to_be_visible()
    lines = page.locator("[data-under] li")
    expect(lines).to_have_count(81)
    expect(lines.first).to_contain_text("Rossi")
    expect(lines.first).to_contain_text("has a high alert open")
    expect(lines.first.locator("a[href^='tel:']")).to_have_count(1)
    pictured(page, "outage")


def test_on_the_road_at_five_to_eight(served: Served, open_page: OpenPage):
    """A message, that alert on a phone after signing in again, and all of mine handed over."""
    district = served.district
    with district.store.write() as tx:
        anna = district.world.user("anna")
        reaching.add(tx, anna, "email", "anna@chc.example", (), district.now)
    district.measure({"spo2": "80"})
    deliver_messages(district.store, Screen(lambda: None), district.now)
    with district.store.write() as tx:
        (letter,) = due_letters(tx, district.now, ())
    link = re.search(r"http://\S+/alerts/\d+", writer(served.url)(letter).body)
    assert link is not None
    page = open_page("anna", "en", 390)
    page.goto("about:blank")  # the phone was put away: no open page notices and signs out by itself
    page.context.clear_cookies()  # the session of the morning is over
    page.goto(link[0])
    page.fill("#name", "anna")
    page.fill("#password", PASSWORD)
    page.click("main button")
    expect(page.locator("h1")).to_contain_text("Oxygen saturation 80 %")
    page.get_by_role("button", name="Take on").click()
    page.get_by_role("button", name="Go off duty").click()
    page.select_option("#to", "bruno")
    page.get_by_role("button", name="Hand over and go off duty").click()
    expect(page.get_by_text("You are off duty").first).to_be_visible()
    bruno = open_page("bruno", "en")
    expect(bruno.locator(ROW).first).to_contain_text("taken on by Bruno Conti")


def test_phone_in_hand_and_nobody_answers(served: Served, open_page: OpenPage):
    """Whom to call and what to know; another call with its own deadline; then to the door."""
    district = served.district
    district.measure({"spo2": "80"})
    page = open_page("anna", "en", 390)
    page.locator(ROW).first.get_by_role("link", name="Oxygen saturation").click()
    page.get_by_role("button", name="Take on").click()
    phone = page.locator("[data-phone]")
    expect(phone.locator("a[href='tel:0122 1']").first).to_be_visible()
    expect(phone).to_contain_text("speaks Italian")
    expect(phone).to_contain_text("Oxygen saturation 80 %")
    for _ in range(5):
        if page.locator("[data-visit]").count():
            break
        page.locator("[data-phone]").get_by_role("button", name="No answer").click()
        page.wait_for_load_state()
    pictured(page, "alert")
    expect(page.locator("[data-visit]")).to_contain_text("send somebody there, or call 112")
    page.get_by_role("button", name="A visit is arranged").click()
    expect(page.locator("[data-visit]")).to_have_count(0)


def test_the_same_harmless_alert_for_the_tenth_time(served: Served, open_page: OpenPage):
    """Two taps: closed as ever, another limit proposed; the doctor's word comes back."""
    district = served.district
    for days in range(10, 0, -1):
        district.measure({"systolic": "165"}, ago=days * DAY)
        district.measure({"systolic": "130"}, ago=days * DAY - HOUR)
        with district.store.write() as tx:
            anna, alert = district.world.user("anna"), district.alert("systolic-high-inner")
            outcome, review = "no-action-needed", district.now + 7 * DAY
            if days > 1:
                alert_work.acknowledge(tx, anna, alert, district.now)
                alert_work.close(tx, anna, alert, outcome, review, district.now)
    page = open_page("anna", "en")
    page.goto(f"/alerts/{district.alert('systolic-high-inner')}")
    page.get_by_role("button", name="Take on").click()
    expect(page.get_by_text("You have taken this alert on.")).to_be_visible()
    page.get_by_role("button", name="Close it, and propose another limit").click()
    expect(page.get_by_text("The alert is closed.")).to_be_visible()
    page.fill("#systolic-high-inner", "170")
    page.fill("#reason", "Ten harmless alerts between 160 and 170")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator("[data-preview='30']")).to_be_visible()
    pictured(page, "plan")
    dora = open_page("dora", "en")
    dora.goto(f"/patients/{district.maria}")
    expect(dora.get_by_text("Ten harmless alerts between 160 and 170").first).to_be_visible()
    pictured(dora, "patient")
    dora.fill("#because", "Her target stays")
    dora.get_by_role("button", name="Decline").click()
    expect(dora.get_by_text("Declined: the reason goes to who proposed it.")).to_be_visible()
    page.goto("/worklist")
    fate = page.locator("[data-fates]")
    fate.locator("summary").click()
    expect(fate).to_contain_text("declined by Dora Gallo")
    expect(fate).to_contain_text("Her target stays")
    fate.get_by_role("button", name="Seen").click()
    expect(page.locator("[data-fates]")).to_have_count(0)
