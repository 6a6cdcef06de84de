"""What holds of every page: axe and HTML_CodeSniffer find nothing, it fits, its HTML is valid."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from tests.browser.conftest import ROOT
from tests.needs import missing

MODULES: Final = ROOT / "frontend" / "node_modules"
_AXE: Final = MODULES / "axe-core" / "axe.min.js"
_SNIFFER: Final = MODULES / "html_codesniffer" / "build" / "HTMLCS.js"
_VALIDATOR: Final = MODULES / "html-validate" / "bin" / "html-validate.mjs"
_STANDARDS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Its rule on autocomplete breaks on some of its own messages; axe has one, too.
_SNIFF: Final = """() => new Promise((done) => {
    HTMLCS_WCAG2AAA_Sniffs_Principle1_Guideline1_3_1_3_5.process = () => {};
    HTMLCS.process('WCAG2AA', document, () => done(
    HTMLCS.getMessages().filter((one) => one.type === HTMLCS.ERROR).map((one) =>
        one.code + ': ' + (one.element.outerHTML || '').slice(0, 120))))})"""


def complaints(page: Page) -> list[str]:
    """Return what both checkers of accessibility find wrong with the page as it stands.

    Its own policy would not let the scripts in, the debugger may.
    """
    for script in (_AXE, _SNIFFER):
        if not script.exists():
            missing(f"{script.name} (python hatch_build.py)")
        page.evaluate(script.read_text() + "; 0")
    found: dict[str, Any] = page.evaluate(
        "(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})", _STANDARDS
    )
    axe = [
        f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]
    ]
    sniffed: list[str] = page.evaluate(_SNIFF)
    return axe + sniffed


def too_wide(page: Page) -> list[str]:
    """Return a word if the page is wider than its window."""
    wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return [f"{wide} wide at {room}"] if wide > room else []


def invalid(folder: Path) -> list[str]:
    """Return what is no valid HTML in the files of a folder."""
    node = shutil.which("node")
    if node is None or not _VALIDATOR.exists():
        missing("html-validate")
    config = ROOT / "frontend" / "html-validate.json"
    command = [str(node), str(_VALIDATOR), "--config", str(config), "--formatter", "json"]
    # It ends before a pipe is emptied: into a file it writes all.
    report = folder / "report.json"
    with report.open("w") as output:
        subprocess.run([*command, str(folder / "*.html")], stdout=output, check=False)
    return [
        f"{Path(file['filePath']).name}:{one['line']} {one['ruleId']}: {one['message']}"
        for file in json.loads(report.read_text())
        for one in file["messages"]
    ]
