"""A nurse's list: alive without reloading, loud when it is not, and worked by keyboard."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Page, Route, expect

from server.services import alert_work
from tests.browser.conftest import OpenPage, Served

ROW = "[data-worklist] tr[data-alert]"


def test_a_new_alert_arrives_without_reloading(served: Served, open_page: OpenPage):
    page = open_page("anna", "en")
    expect(page.get_by_text("No open alert.")).to_be_visible()
    page.evaluate("window.sameDocument = true")
    served.district.measure({"systolic": "190"})
    expect(page.locator(ROW)).to_have_count(1, timeout=5000)
    expect(page.locator(ROW).first).to_contain_text("Systolic pressure 190 mmHg, above 180")
    expect(page).to_have_title("(2) Worklist – Vicino")
    assert page.evaluate("window.sameDocument")


def test_another_nurses_move_shows_at_once(served: Served, open_page: OpenPage):
    served.district.measure({"systolic": "190"})
    anna, bruno = open_page("anna", "en"), open_page("bruno", "en")
    anna.locator(ROW).first.get_by_role("button", name="Take on").click()
    expect(anna.get_by_text("You have taken this alert on.")).to_be_visible()
    expect(bruno.locator(ROW).first).to_contain_text("taken on by Anna Neri", timeout=5000)


def test_an_alert_is_taken_on_and_closed(served: Served, open_page: OpenPage):
    served.district.measure({"systolic": "190"})
    page = open_page("anna", "en")
    page.get_by_role("link", name="Systolic pressure 190 mmHg, above 180").click()
    page.get_by_role("button", name="Take on").click()
    page.locator("summary", has_text="Close").click()
    page.get_by_role("button", name="Close the alert").click()
    expect(page.locator("#outcome:invalid")).to_be_focused()  # what is missing, at its field
    page.select_option("#outcome", "visit-arranged")
    page.get_by_role("button", name="in 30 days").click()
    in_a_month = datetime.now(ZoneInfo("Europe/Rome")).date() + timedelta(days=30)
    expect(page.locator("#review")).to_have_value(in_a_month.isoformat())
    page.get_by_role("button", name="Close the alert").click()
    expect(page.get_by_text("The alert is closed.")).to_be_visible()
    page.goto("/worklist")
    expect(page.locator(ROW)).to_have_count(1)
    page.goto("/worklist?tab=closed")
    expect(page.locator(ROW)).to_contain_text("closed by Anna Neri")


def test_all_of_it_goes_by_keyboard(served: Served, open_page: OpenPage):
    served.district.measure({"systolic": "190"})
    with served.district.store.write() as tx:  # taken on alone, it has a row of its own
        bruno, inner = served.district.world.user("bruno"), "systolic-high-inner"
        alert_work.acknowledge(tx, bruno, served.district.alert(inner), served.district.now)
    page = open_page("anna", "en")
    expect(page.locator(ROW)).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(ROW).nth(1).locator("[data-open]")).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator(ROW).first.locator("[data-open]")).to_be_focused()
    served.district.measure({"spo2": "80"})  # the list renews itself under the finger
    expect(page.locator(ROW)).to_have_count(3, timeout=5000)
    focused = page.evaluate("document.activeElement.textContent")
    assert focused == "Systolic pressure 190 mmHg, above 180"
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Systolic pressure 190 mmHg")


def _impatient(page: Page) -> None:
    """Have the page call itself not live after 8 seconds instead of 20."""

    def shorten(route: Route) -> None:
        answer = route.fetch()
        body = answer.text().replace('silence-seconds="20"', 'silence-seconds="8"')
        body = body.replace('poll-seconds="10"', 'poll-seconds="2"')
        route.fulfill(response=answer, body=body)

    page.route("**/worklist", shorten)
    page.goto("/worklist")


def test_it_says_when_it_is_not_live_and_finds_back(served: Served, open_page: OpenPage):
    page = open_page("anna", "en")
    _impatient(page)
    banner = page.locator("[data-live-banner]")
    expect(banner).to_be_hidden()
    served.stop()
    expect(banner).to_be_visible(timeout=15_000)
    expect(banner).to_contain_text("Not live since")
    served.district.measure({"systolic": "190"})
    served.start()
    expect(page.locator(ROW)).to_have_count(1, timeout=15_000)
    expect(banner).to_be_hidden(timeout=15_000)


def test_a_list_whose_session_ended_leads_to_the_sign_in_page(served: Served, open_page: OpenPage):
    page = open_page("anna", "en")
    with served.district.store.write() as tx:
        tx.connection.exec_driver_sql("delete from sessions")
    served.district.changes.notify()
    page.wait_for_url("**/sign-in?ended=1&next=%2Fworklist", timeout=15_000)
    expect(page.get_by_text("Your session has ended")).to_be_visible()


def test_every_form_works_without_a_script(served: Served, open_page: OpenPage, chromium: Browser):
    served.district.measure({"systolic": "190"})
    served.district.measure({"systolic": "150"}, device="AA:BB:CC:DD:EE:F9")
    state = open_page("anna", "en").context.storage_state()
    context = chromium.new_context(
        base_url=served.url, java_script_enabled=False, storage_state=state
    )
    page = context.new_page()
    page.goto("/worklist")
    page.locator(ROW).first.get_by_role("button", name="Take on").click()
    expect(page.get_by_text("You have taken this alert on.")).to_be_visible()
    page.locator("summary", has_text="Note").click()
    page.fill("#text", "Phoned")
    page.get_by_role("button", name="Save the note").click()
    expect(page.get_by_text("The note is saved.")).to_be_visible()
    page.locator("summary", has_text="Pause").click()
    page.fill("#reason", "In hospital")
    page.get_by_role("button", name="Pause the messages").click()
    expect(page.get_by_text("Messages of this rule are paused.")).to_be_visible()
    page.goto("/held")
    page.locator("[name=q]").fill("maria ros")
    page.get_by_role("button", name="Find the patient").click()
    expect(page.locator("[data-chosen=P1]")).to_contain_text("Rossi Maria, born 2 March 1941")
    page.get_by_role("button", name="Yes, give it to this patient").click()
    expect(page.get_by_text("is being judged")).to_be_visible()
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("the measurement is held again")).to_be_visible()
    page.goto(f"/patients/{served.district.maria}")
    page.locator("#systolic summary").click()
    expect(page.locator("#systolic table")).to_contain_text("190")
    context.close()


def test_an_open_alert_says_what_came_since(served: Served, open_page: OpenPage):
    """Under a form nothing moves; a worse value is named above it."""
    served.district.measure({"spo2": "86"})
    page = open_page("anna", "en")
    page.get_by_role("link", name="Oxygen saturation 86 %").click()
    page.locator("summary", has_text="Note").click()
    page.fill("#text", "I call her")
    served.district.now += 60_000
    served.district.measure({"spo2": "74"}, ago=0)
    served.district.changes.notify()
    news = page.locator("[data-news]")
    expect(news).to_contain_text("74 %", timeout=15_000)
    expect(page.locator("#text")).to_have_value("I call her")
    news.get_by_role("link", name="Show it").click()
    expect(page.locator("h1")).to_contain_text("74 %")
