"""The doctor's two minutes: what changed among my patients, the nurse's question on top."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Served
from tests.browser.test_every_state import asked

QUESTION = "She is dizzy in the mornings. Fewer tablets?"


def opened(served: Served, open_page: OpenPage) -> Page:
    """Come from the list to the patient, by keyboard, with the question in sight."""
    asked(served.district)
    page = open_page("dora", "en")
    page.goto("/patients")
    question = page.locator("[data-changed]").get_by_text(QUESTION)
    expect(question).to_be_in_viewport()
    page.locator("[data-changed] a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/patients/{served.district.maria}")
    for seen in ("[data-decide]", "[data-decide] [data-changes]"):
        expect(page.locator(seen).first).to_be_in_viewport()
    return page


def test_my_patients_changed_since_i_last_looked_and_a_proposal_declined_by_keyboard(
    served: Served, open_page: OpenPage
):
    page = opened(served, open_page)
    expect(page.locator("[data-preview='30']")).to_be_visible()
    page.locator("[data-decide] summary", has_text="90").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-preview='90']")).to_be_visible()
    page.locator("#because").focus()
    page.keyboard.type("First a visit")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Declined: the reason goes to who proposed it.")).to_be_visible()
    expect(page.locator("[data-decide]")).to_have_count(0)
    page.goto("/patients")
    expect(page.get_by_text("Nothing has changed.")).to_be_visible()


def test_a_proposal_is_confirmed_where_its_preview_stands(served: Served, open_page: OpenPage):
    page = opened(served, open_page)
    page.get_by_role("button", name="Confirm in my name, in force from now").click()
    expect(page.get_by_text("The plan is confirmed and in force.")).to_be_visible()
