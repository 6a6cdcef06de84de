"""The last list, on a road without network: there, and said to be old; gone after signing out."""

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.conftest import OpenPage, Served

ROW = "[data-worklist] tr[data-alert]"
OLD = "No network. This is the list as it was when last checked"


def kept(page: Page) -> None:
    """Open the list as often as it takes to be kept: the first time nothing keeps it yet."""
    page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    page.goto("/worklist")
    page.wait_for_function("caches.match('/worklist').then((found) => found !== undefined)")


def test_the_last_list_is_readable_without_network(served: Served, open_page: OpenPage):
    served.district.measure({"systolic": "190"})
    page = open_page("anna", "en", 390, service_workers="allow")
    kept(page)
    expect(page.get_by_text(OLD)).to_be_hidden()
    served.stop()
    try:
        page.goto("/worklist?tab=technical")
        expect(page.get_by_text(OLD)).to_be_visible()
        expect(page.locator(ROW).first).to_contain_text("Systolic pressure 190 mmHg, above 180")
        expect(page.get_by_text("Last checked at")).to_be_visible()
        colour = page.evaluate("getComputedStyle(document.querySelector('.priority')).color")
        assert colour != "rgb(0, 0, 0)"  # it looks as ever: its style was kept too
    finally:
        served.start()
    page.goto("/worklist")
    expect(page.get_by_text(OLD)).to_be_hidden()


def test_no_list_is_left_behind_after_signing_out(served: Served, open_page: OpenPage):
    served.district.measure({"systolic": "190"})
    page = open_page("anna", "en", service_workers="allow")
    kept(page)
    page.get_by_role("button", name="Sign out").click()
    if "leaving" in page.url:  # on duty: asked first
        page.locator("form[action='/sign-out'] button").last.click()
    page.wait_for_url("**/sign-in")
    served.stop()
    try:
        with pytest.raises(Error, match="ERR_CONNECTION_REFUSED"):
            page.goto("/worklist")
    finally:
        served.start()
