"""The charts' own arithmetic, in the browser that runs it."""

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import ROOT

SERIES = (ROOT / "frontend" / "src" / "series.js").read_text()


@pytest.mark.parametrize(
    ("splits", "step", "labels"),
    [
        ([83.1, 83.12, 83.14], 0.02, ["83,10", "83,12", "83,14"]),
        ([83, 83.25, 83.5], 0.25, ["83,00", "83,25", "83,50"]),
        ([83, 83.5, 84], 0.5, ["83,0", "83,5", "84,0"]),
        ([80, 82.5, 85], 2.5, ["80,0", "82,5", "85,0"]),
        ([80, 100, 120], 20, ["80", "100", "120"]),
        ([0.1, 0.2, 0.3], 0.1, ["0,1", "0,2", "0,3"]),
    ],
)
def test_no_label_of_an_axis_stands_twice(
    chromium: Browser, splits: list[float], step: float, labels: list[str]
):
    page = chromium.new_page()
    page.add_script_tag(content=f"{SERIES}\nwindow.formats = formats;", type="module")
    page.wait_for_function("() => 'formats' in window")
    data = {"decimals": 1, "zone": "Europe/Rome"}
    said = page.evaluate(
        "([data, splits, step]) => formats('it', data).axis(splits, step)", [data, splits, step]
    )
    assert said == labels
    page.close()
