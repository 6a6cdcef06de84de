"""Every page in its other states, in every language: nobody yet, one of each, mistakes, a doctor's,
another CHC's, not live, on paper, twice as large, without motion. Pictures of each are kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from server.services import alert_work, planning
from server.services.shipped import protocols
from tests.browser.checks import complaints, invalid, too_wide
from tests.browser.conftest import SCREENS, OpenPage, Served
from tests.browser.test_every_page import fill, settled
from tests.server.web.district import DAY, HOUR, District

LANGUAGES = ("it", "en", "fr")
pytestmark = [pytest.mark.rotates, pytest.mark.parametrize("language", LANGUAGES)]
EVERYWHERE = {
    "worklist": "/worklist",
    "worklist-technical": "/worklist?tab=technical",
    "worklist-closed": "/worklist?tab=closed",
    "patients": "/patients",
    "duty": "/duty",
    "account": "/account",
    "channels": "/account/channels",
    "held": "/held",
    "assignments": "/assignments",
    "fleet": "/fleet",
}
A4 = {"width": 794, "height": 1123}  # pixels of CSS


class Checked:
    """Looks at pages, and says at the end what was wrong with which."""

    def __init__(self, state: str, language: str, folder: Path) -> None:
        self.state, self.language, self.folder = state, language, folder
        self.wrong: dict[str, list[str]] = {}
        SCREENS.mkdir(parents=True, exist_ok=True)

    def __call__(self, page: Page, name: str, *, sniff: bool = True) -> None:
        picture = f"{self.state}-{name}-{self.language}.png"
        page.screenshot(path=SCREENS / picture, full_page=True)
        found = too_wide(page) + (complaints(page) if sniff else [])
        if found:
            self.wrong[name] = found

    def source(self, page: Page, name: str, address: str) -> None:
        """Keep what the server sent, for the validator."""
        sent = page.request.get(address).text()
        (self.folder / f"{name}.html").write_text(sent)

    def all_well(self) -> None:
        assert self.wrong == {}
        if any(self.folder.glob("*.html")):
            assert invalid(self.folder) == []


@pytest.fixture
def checked(request: pytest.FixtureRequest, language: str, tmp_path: Path) -> Iterator[Checked]:
    state = request.node.originalname.removeprefix("test_")
    folder = tmp_path / "sent"
    folder.mkdir()
    made = Checked(state, language, folder)
    yield made
    made.all_well()


def look(page: Page, checked: Checked, addresses: dict[str, str]) -> None:
    for name, address in addresses.items():
        settled(page, address)
        checked(page, name)
        checked.source(page, name, address)


def of_patient(patient: int) -> dict[str, str]:
    own = f"/patients/{patient}"
    return {"patient": own, "plan": f"{own}/plan", "contact": f"{own}/contact"}


def test_empty(served: Served, open_page: OpenPage, language: str, checked: Checked):
    page = open_page("anna", language)
    look(page, checked, {**EVERYWHERE, **of_patient(served.district.maria)})
    page = open_page("olga", language, 320)  # a CHC without a patient
    for name, address in EVERYWHERE.items():
        settled(page, address)
        checked(page, f"{name}-nobody")


def test_one(served: Served, open_page: OpenPage, language: str, checked: Checked):
    district = served.district
    district.measure({"systolic": "190"})
    district.measure({"systolic": "150"}, device="AA:BB:CC:DD:EE:F9")
    alert = district.alert("systolic-high-outer")
    page = open_page("anna", language)
    own = {**of_patient(district.maria), "alert": f"/alerts/{alert}"}
    look(page, checked, {**EVERYWHERE, **own})


def asked(district: District) -> None:
    """A nurse's note and proposal for the doctor, and a month of values."""
    for days in range(28, 0, -1):
        values = {"systolic": str(150 if days < 8 else 130), "diastolic": "80", "pulse": "70"}
        district.measure(values, ago=days * DAY)
    district.measure({"systolic": "190", "glucose": "120"}, ago=HOUR)
    with district.store.write() as tx:
        anna = district.world.user("anna")
        alert = district.alert("systolic-high-outer")
        alert_work.note(
            tx, anna, alert, "She is dizzy in the mornings. Fewer tablets?", district.now
        )
        patient = tx.directory.patient(district.maria)
        assert patient is not None
        planning.propose(tx, anna, patient, protocols()["heart-failure"].plan(), district.now)


def test_doctor(served: Served, open_page: OpenPage, language: str, checked: Checked):
    asked(served.district)
    for width in (1280, 320):
        page = open_page("dora", language, width)
        own = of_patient(served.district.maria)
        looks = f"{own['patient']}/looks"
        for name, address in {"patients": "/patients", "looks": looks, **own}.items():
            settled(page, address)
            checked(page, f"{name}-{width}")


def test_mistakes(served: Served, open_page: OpenPage, language: str, checked: Checked):
    district = served.district
    asked(district)
    page = open_page("dora", language)
    maria = f"/patients/{district.maria}"
    for name, address, press in (
        ("away", maria, "form[action$='/away'] button"),
        ("decline", f"{maria}/plan/2", "form[action$='/decline'] button"),
        ("contact", f"{maria}/contact", "form[action$='/contact'] button"),
        ("plan", f"{maria}/plan?from=in-force", "form[action$='/plan'] button"),
        (
            "close",
            f"/alerts/{district.alert('systolic-high-outer')}",
            "form[action$='/close'] button",
        ),
    ):
        settled(page, address)
        # As a browser would that checks nothing itself.
        page.evaluate(
            "document.querySelectorAll('form').forEach((one) => { one.noValidate = true })"
        )
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        if name == "plan":
            page.fill("[name=systolic-high-outer]", "a lot")
        if name == "contact":
            page.fill("[name=phone]", "call her")
        page.locator(press).last.click()
        page.wait_for_load_state()
        said = page.locator("[aria-invalid=true], [role=alert]:not([hidden])")
        expect(said.first).to_be_visible()
        checked(page, name)
    settled(page, "/patients/99999")
    checked(page, "nothing-here")


def test_since(served: Served, open_page: OpenPage, language: str, checked: Checked):
    """What comes back to a nurse: the fate of her proposals, and what others handed over."""
    district = served.district
    asked(district)
    anna, bruno, dora = (district.world.user(name) for name in ("anna", "bruno", "dora"))
    with district.store.write() as tx:
        patient = tx.directory.patient(district.maria)
        assert patient is not None
        plan = protocols()["heart-failure"].plan()
        second = planning.propose(tx, bruno, patient, plan, district.now)
        third = planning.propose(tx, anna, patient, plan, district.now)
        rows = {one.version: one for one in tx.directory.plans(patient.id)}
        planning.confirm(tx, dora, patient, rows[second], None, district.now)
        planning.decline(tx, dora, patient, rows[third], "Wait for the cardiologist", district.now)
        alert = district.alert("systolic-high-outer")
        alert_work.acknowledge(tx, bruno, alert, district.now)
        alert_work.hand_over(tx, bruno, alert, "anna", district.now)
    for width in (1280, 320):
        page = open_page("anna", language, width)
        settled(page, "/worklist")
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        expect(page.locator("[data-fates] li")).to_have_count(2)
        expect(page.locator("[data-handed-over] li")).to_have_count(1)
        checked(page, f"worklist-{width}")


def test_not_live(served: Served, open_page: OpenPage, language: str, checked: Checked):
    served.district.measure({"systolic": "190"})
    page = open_page("anna", language)
    settled(page, "/worklist")
    served.stop()
    expect(page.locator("[data-live-banner]")).to_be_visible(timeout=40_000)
    checked(page, "worklist")
    served.start()
    expect(page.locator("[data-live-banner]")).to_be_hidden(timeout=30_000)


def test_print(served: Served, open_page: OpenPage, language: str, checked: Checked):
    addresses = fill(served.district)
    page = open_page("anna", language, A4["width"])
    for name in ("patient", "alert", "worklist", "held", "patients", "plan-draft"):
        settled(page, addresses[name])
        page.emulate_media(media="print")
        checked(page, name, sniff=False)
        expect(page.locator(".site-header")).to_be_hidden()
        if name == "patient":
            expect(page.locator(".patient-banner")).to_contain_text("Rossi")
            expect(page.locator(".only-printed").first).to_be_visible()
        assert page.pdf(format="A4")[:5] == b"%PDF-"
        page.emulate_media(media="screen")


def test_coverage(served: Served, open_page: OpenPage, language: str, checked: Checked):
    """The coordinator's page: as it is, asked back before nobody covers an hour, and in error."""
    served.district.measure({"systolic": "190"})
    look(open_page("carmen", language), checked, {"coverage": "/coverage"})
    page = open_page("carmen", language, 320)
    page.goto("/coverage")
    page.fill("#hours-6", "")
    page.click("main form[action='/coverage'] button")
    expect(page.locator("[data-left]")).to_be_visible()
    checked(page, "coverage-left")
    page.fill("#hours-6", "8 to 20")
    page.click("main form[action='/coverage'] button")
    expect(page.locator("#hours-6-wrong")).to_be_visible()
    checked(page, "coverage-wrong")


def test_twice_as_large(served: Served, open_page: OpenPage, language: str, checked: Checked):
    addresses = fill(served.district)
    page = open_page("anna", language, 640, device_scale_factor=2)
    for name in (
        "patient",
        "patients",
        "alert",
        "worklist",
        "held",
        "fleet",
        "plan-proposed",
        "duty",
    ):
        settled(page, addresses[name])
        checked(page, name)


def test_without_motion(served: Served, open_page: OpenPage, language: str, checked: Checked):
    addresses = fill(served.district)
    page = open_page("anna", language, reduced_motion="reduce")
    for name in ("worklist", "patient", "alert"):
        settled(page, addresses[name])
        moving = page.evaluate("document.getAnimations().length")
        assert moving == 0, name
        checked(page, name, sniff=False)
