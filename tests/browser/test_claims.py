"""A claim code, and letting a gateway in again: every step as a picture."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page

from server import authority
from server.domain.instants import DAY
from tests.browser.checks import complaints, invalid, too_wide
from tests.browser.conftest import SCREENS, OpenPage, Served


@pytest.mark.rotates
@pytest.mark.parametrize("language", ["it", "en", "fr"])
def test_every_step_is_accessible_and_fits(
    served: Served, open_page: OpenPage, language: str, tmp_path
) -> None:
    district = served.district
    authority.make_authority(
        district.path / "keys", datetime.fromtimestamp(district.now / 1000, UTC)
    )
    with district.store.write() as tx:
        tx.enrolment.certify("gw-1", "0123456789abcdef" * 4, district.now - DAY)
        tx.enrolment.note_asking("gw-1", district.now)
    SCREENS.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[str]] = {}

    def check(page: Page, name: str, width: int) -> None:
        page.screenshot(path=SCREENS / f"{name}-{language}-{width}.png", full_page=True)
        (tmp_path / f"{name}.html").write_text(page.content())
        if wrong := too_wide(page) + complaints(page):
            found[f"{name} {width}"] = wrong

    for width in (1280, 320):
        page = open_page("tito", language, width)
        page.goto("/fleet")
        page.fill("#gateway", "gw-1")
        page.click("form[action='/claims'] button")
        page.wait_for_selector("#gateway[aria-invalid]")
        check(page, "claim-taken", width)
        page.fill("#gateway", f"gw-new-{width}")
        page.click("form[action='/claims'] button")
        code = page.inner_text("[data-code]")
        assert re.fullmatch("([A-HJ-NP-Z2-9]{5}-){3}[A-HJ-NP-Z2-9]{5}", code)
        check(page, "claim", width)
        page.goto("/fleet/gw-1")
        assert page.inner_text("[data-key]") == "0123 4567 89ab cdef"
        check(page, "gateway-asks", width)
    page.click("form[action$='/let-in'] button")
    page.wait_for_url("**done=gateway-let-in")
    check(page, "gateway-let-in", 320)
    assert found == {}
    assert invalid(tmp_path) == []
