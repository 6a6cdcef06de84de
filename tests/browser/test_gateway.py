"""Taking a broken gateway's access, and one's own sessions: every step as a picture."""

import pytest
from playwright.sync_api import Page

from tests.browser.checks import complaints, invalid, too_wide
from tests.browser.conftest import SCREENS, OpenPage, Served
from tests.server.web.test_gateway import silent


@pytest.mark.rotates
@pytest.mark.parametrize("language", ["it", "en", "fr"])
def test_every_step_is_accessible_and_fits(
    served: Served, open_page: OpenPage, language: str, tmp_path
) -> None:
    silent(served.district)
    with served.district.store.write() as tx:
        tx.directory.add_gateway("gw-5", served.district.world.chc, 0, None)
    SCREENS.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[str]] = {}

    def check(page: Page, name: str, width: int) -> None:
        page.screenshot(path=SCREENS / f"{name}-{language}-{width}.png", full_page=True)
        (tmp_path / f"{name}.html").write_text(page.content())
        if wrong := too_wide(page) + complaints(page):
            found[f"{name} {width}"] = wrong

    for width in (1280, 320):
        page = open_page("tito", language, width)
        page.goto("/fleet/gw-1")
        check(page, "gateway", width)
        page.fill("#reason", "<b>Rotto</b>")
        page.select_option("#successor", "gw-5" if width == 320 else "-")
        page.click("form[action$='/revoke'] button")
        page.wait_for_selector("[data-sure]")
        check(page, "gateway-sure", width)
        page.goto("/account")
        check(page, "account", width)
    page.goto("/fleet/gw-1")
    page.fill("#reason", "Rotto")
    page.click("form[action$='/revoke'] button")
    page.click("[data-sure] ~ .actions button")
    page.wait_for_url("**done=gateway-revoked")
    check(page, "gateway-revoked", 320)
    assert served.district.access.gateways == ["gw-1"]
    assert found == {}
    assert invalid(tmp_path) == []
