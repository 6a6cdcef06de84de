"""The patient's charts in a real browser: one time axis for all, by drag, by buttons, by keys."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Served
from tests.server.web.district import DAY, MINUTE

MARK = "[data-charts-url][data-drawn]"


def charted(served: Served, open_page: OpenPage) -> Page:
    for days in range(20, 0, -1):
        served.district.measure({"systolic": str(130 + days), "pulse": "70"}, ago=days * DAY)
    served.district.measure({"systolic": "190", "pulse": "71"}, flags=["irregular-pulse"])
    served.district.measure({"systolic": "HI"}, ago=3 * MINUTE)
    page = open_page("anna", "en")
    page.goto(f"/patients/{served.district.maria}?days=30")
    page.wait_for_selector(MARK)
    return page


def shown(page: Page) -> list[str]:
    """Return the days under the axis of each chart, as uPlot holds them."""
    spans = page.evaluate("window.vicino.zooms.map((zoom) => zoom.plots.map((plot) =>"
                          " [plot.scales.x.min, plot.scales.x.max]))")  # fmt: skip
    return [f"{low:.0f}-{high:.0f}" for zoom in spans for low, high in zoom]


def test_all_charts_show_the_same_time_after_a_drag_and_after_every_button(
    served: Served, open_page: OpenPage
):
    page = charted(served, open_page)
    whole = shown(page)
    assert len(whole) == 2
    assert len(set(whole)) == 1
    plot = page.locator("[data-chart=systolic] .u-over")
    plot.evaluate("one => one.scrollIntoView({block: 'center', behavior: 'instant'})")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60, steps=5)
    page.mouse.up()
    seen = [whole]
    for move in ("drag", "in", "earlier", "later", "out"):
        if move != "drag":
            page.click(f"[data-zoom={move}]")
        now = shown(page)
        assert len(set(now)) == 1, move
        assert now != seen[-1], move
        seen.append(now)
    expect(page.locator("[data-zoomed]")).not_to_be_empty()
    page.click("[data-zoom=all]")
    assert shown(page) == whole


def test_a_key_says_each_sign_and_the_arrow_keys_each_point(served: Served, open_page: OpenPage):
    page = charted(served, open_page)
    figure = page.locator("[data-chart=systolic]")
    expect(figure.locator(".vital-chart-key li")).to_have_text(
        ["△ arrived late", "○! the device reported a doubt"]
    )
    slider = figure.locator("[role=slider]")
    slider.focus()
    page.keyboard.press("End")
    assert "HI: above the device's range" in (slider.get_attribute("aria-valuetext") or "")
    page.keyboard.press("ArrowLeft")
    assert "190 mmHg (the device reported a doubt)" in (
        slider.get_attribute("aria-valuetext") or ""
    )


def test_without_scripts_the_same_values_are_a_table(served: Served, open_page: OpenPage):
    page = charted(served, open_page)
    state = page.context.storage_state()
    assert page.context.browser is not None
    plain = page.context.browser.new_context(
        base_url=served.url, storage_state=state, java_script_enabled=False
    )
    bare = plain.new_page()
    bare.goto(f"/patients/{served.district.maria}?days=7")
    bare.click("#systolic summary")
    expect(bare.locator("#systolic .values tbody tr")).to_have_count(9)
    expect(bare.locator("#systolic .values")).to_contain_text("190")
    expect(bare.locator(".chart-tools")).to_be_hidden()
    plain.close()


def test_all_of_a_chart_is_on_paper_however_wide_it_was_drawn(served: Served, open_page: OpenPage):
    page = charted(served, open_page)
    page.emulate_media(media="print")
    page.evaluate("window.vicino.zooms[0].plots[0].setSize({width: 3000, height: 260})")
    picture, paper = page.locator("[data-chart=systolic] canvas"), page.locator("#main")
    drawn, sheet = picture.bounding_box(), paper.bounding_box()
    assert drawn is not None
    assert sheet is not None
    assert 0 < drawn["width"] <= sheet["width"]


def test_an_alert_draws_what_it_rests_on(served: Served, open_page: OpenPage):
    served.district.measure({"systolic": "190"})
    served.district.judge()
    number = served.district.alert("systolic-high-outer")
    page = open_page("anna", "en")
    page.goto(f"/alerts/{number}")
    expect(page.locator(MARK)).to_have_count(1)
    figure = page.locator("[data-chart=systolic]")
    expect(figure.locator("canvas")).to_be_visible()
    slider = figure.locator("[role=slider]")
    slider.focus()
    page.keyboard.press("End")
    assert "190 mmHg" in (slider.get_attribute("aria-valuetext") or "")
