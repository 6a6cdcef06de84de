"""Who had a device, corrected by keyboard alone; every step as a picture in three languages."""

import time

import pytest
from playwright.sync_api import Page, expect

from server.services import correcting
from tests.browser.checks import complaints, invalid, too_wide
from tests.browser.conftest import SCREENS, OpenPage, Served
from tests.server.web.district import DAY, HOUR, District

CUFF = "AA:BB:CC:DD:EE:01"


def handed(district: District) -> None:
    """Maria's cuff went to Piero ten days ago, as they say; she measured 190 eleven days ago."""
    piero = district.person("P2", "Bianchi", "Piero")
    district.person("P3", "Rossini", "Gina")
    district.world.device(CUFF, piero, district.now - 10 * DAY)
    district.measure({"systolic": "190", "diastolic": "100", "pulse": "70"}, ago=11 * DAY)
    district.measure({"systolic": "120"}, ago=10 * DAY - HOUR)
    district.measure({"systolic": "131"}, ago=HOUR)


def earlier(page: Page, field: str, district: District, ago: int) -> None:
    """Type another day and time into a field, as the browser's own parts take it."""
    written = page.locator(field).input_value()
    day = time.strftime("%Y-%m-%d", time.gmtime((district.now - ago) / 1000))
    page.locator(field).fill(day + written[10:])


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(one) => document.activeElement?.matches(one)", selector):
            return
    raise AssertionError(f"{selector} is not reached by keyboard")


def enter(page: Page) -> None:
    """Press Enter, and wait for the page that follows."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_correction_by_keyboard_alone(served: Served, open_page: OpenPage) -> None:
    handed(served.district)
    page = open_page("anna", "en")
    tab_to(page, "a[href='/assignments']")
    enter(page)
    tab_to(page, "#q")
    page.keyboard.type("bianchi")
    enter(page)
    tab_to(page, "a[href='/assignments/1']")
    enter(page)
    tab_to(page, "details:has([data-form=correct2]) summary")
    page.keyboard.press("Enter")
    tab_to(page, "#from-correct2")
    earlier(page, "#from-correct2", served.district, 12 * DAY)
    tab_to(page, "[data-form='correct2'] button")
    enter(page)
    expect(page.locator("[data-moves='1']")).to_be_visible()
    expect(page.locator("[data-alert]")).to_have_count(2)
    tab_to(page, "#reason")
    page.keyboard.type("Piero's card says so")
    enter(page)
    expect(page.locator("[data-change]")).to_contain_text("Piero's card says so")
    moved = served.district.world.rows("select patient_id from measurements order by seq")
    assert [row[0] for row in moved] == [2, 2, 2]


@pytest.mark.rotates
@pytest.mark.parametrize("language", ["it", "en", "fr"])
def test_every_step_is_accessible_and_fits(
    served: Served, open_page: OpenPage, language: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    district = served.district
    handed(district)
    SCREENS.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[str]] = {}

    def check(page: Page, name: str, width: int) -> None:
        page.screenshot(path=SCREENS / f"{name}-{language}-{width}.png", full_page=True)
        (tmp_path / f"{name}.html").write_text(page.content())
        if wrong := too_wide(page) + complaints(page):
            found[f"{name} {width}"] = wrong

    for width in (1280, 320):
        page = open_page("anna", language, width)
        page.goto("/assignments")
        check(page, "assignments", width)
        page.goto("/assignments/1")
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        check(page, "assignment-forms", width)
        page.fill("#patient-give", "nobody")
        page.click("[data-form=give] button")
        check(page, "assignment-mistake", width)
        page.fill("#patient-give", "ross")
        page.click("[data-form=give] button")
        check(page, "assignment-choose", width)
        page.goto("/assignments/1")
        page.click("[data-tenure='2'] details:has([data-form=correct2]) summary")
        earlier(page, "#from-correct2", district, 11 * DAY + 10 * DAY // 100)
        page.click("[data-form=correct2] button")
        check(page, "assignment-look", width)
    monkeypatch.setattr(correcting, "PAGE", 1)
    page.fill("#reason", "<b>La figlia</b>")
    page.click("form[action$='/change'] button")
    page.wait_for_url("**/assignments/1?done=*")
    page.goto("/assignments/1")
    check(page, "assignment-running", 320)
    assert found == {}
    assert invalid(tmp_path) == []
