"""Every page in every language: axe finds nothing, nothing is wider than a phone, pictures kept."""

from decimal import Decimal

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from server.domain.calls import CallResult
from server.domain.plans import Plan
from server.services import alert_work, away, calling, planning, reaching
from server.services.polling import poll
from server.services.shipped import protocols
from tests.browser.checks import complaints
from tests.browser.conftest import SCREENS, OpenPage, Served
from tests.server.web.district import DAY, HOUR, MINUTE, District


def fill(district: District) -> dict[str, str]:
    """Make a bit of everything, and return every page's address by its name."""
    bianchi = district.person("P2", "Bianchi", "Giuseppe")
    district.world.device("AA:BB:CC:DD:EE:02", bianchi)
    for days in range(20, 0, -1):
        values = {"systolic": str(130 + days), "diastolic": "80", "pulse": "70"}
        district.measure(values, ago=days * DAY)
    district.measure({"systolic": "131"}, device="AA:BB:CC:DD:EE:02", ago=HOUR)
    district.measure({"systolic": "190", "diastolic": "104"}, flags=["irregular-pulse"])
    district.measure({"spo2": "LO"}, ago=3 * MINUTE)
    district.measure({"systolic": "900"})
    district.measure({"systolic": "165"}, device="AA:BB:CC:DD:EE:F9")
    with district.store.write() as tx:
        tx.connection.exec_driver_sql("update alerts set unanswered=1 where rule='spo2-low-outer'")
    outer, spo2 = district.alert("systolic-high-outer"), district.alert("spo2-low-outer")
    with district.store.write() as tx:
        anna = district.world.user("anna")
        inner = district.alert("systolic-high-inner")
        alert_work.acknowledge(tx, anna, inner, district.now)
        until = district.now + HOUR
        alert_work.pause(tx, anna, inner, until, "In hospital for a check", district.now)
        reaching.add(tx, anna, "email", "anna@chc.example", (), district.now)
        patient = tx.directory.patient(district.maria)
        other = tx.directory.patient(bianchi)
        assert patient is not None
        assert other is not None
        draft = planning.propose(tx, anna, patient, wide(), district.now)
        for _ in range(3):
            calling.record(tx, anna, spo2, CallResult.NO_ANSWER, 10 * MINUTE, district.now)
        away.declare(tx, anna, other, district.now + 3 * DAY, "At her daughter's", district.now)
        for number in range(3, 6):
            tx.directory.add_gateway(f"gw-{number}", district.world.chc, 0, None)
            tx.measurements.seen_gateway(f"gw-{number}", district.now - HOUR, 0, {})
        poll(tx, district.now)
        outage = tx.alerts.open_rule("homes-out-of-reach")[0].id
        for one in (district.maria, bianchi):
            due = district.now
            chc = district.world.chc
            tx.alerts.add_absence(one, chc, 0, due - HOUR, due, "gateway-silent", outage)
    return {
        "alert-outage": f"/alerts/{outage}",
        "contact": f"/patients/{district.maria}/contact",
        "plan": f"/patients/{district.maria}/plan",
        "plan-proposed": f"/patients/{district.maria}/plan?from=heart-failure",
        "plan-draft": f"/patients/{district.maria}/plan/{draft}",
        "worklist": "/worklist",
        "worklist-technical": "/worklist?tab=technical",
        "worklist-closed": "/worklist?tab=closed",
        "worklist-sheet": "/worklist/sheet",
        "alert": f"/alerts/{outer}",
        "alert-phone": f"/alerts/{spo2}",
        "alert-paused": f"/alerts/{district.alert('systolic-high-inner')}",
        "alert-technical": f"/alerts/{district.alert('measurement-held')}",
        "patients": "/patients",
        "patient": f"/patients/{district.maria}",
        "patient-not-watched": f"/patients/{bianchi}",
        "duty": "/duty",
        "account": "/account",
        "channels": "/account/channels",
        "held": "/held",
        "assignments": "/assignments",
        "assignment": "/assignments/1",
        "fleet": "/fleet",
        "gateway": "/fleet/gw-1",
        "nothing-here": "/alerts/99999",
    }


def wide() -> Plan:
    """Return a protocol's plan with a limit that watches less than is usual."""
    plan = protocols()["heart-failure"].plan()
    first, *others = plan.thresholds
    thresholds = [replace(first, high_outer=Decimal(240)), *others]
    return replace(plan, thresholds=thresholds, reason="Palliative care, agreed with the family")


def settled(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("[data-charts-url]:not([data-drawn])")).to_have_count(0)
    page.evaluate("document.fonts.ready.then(() => 0)")


LEAVE = {"it": "Esci", "en": "Sign out", "fr": "Sortir"}


@pytest.mark.rotates
@pytest.mark.parametrize("language", LEAVE)
def test_pages_are_accessible_fit_a_phone_and_are_pictured(
    served: Served, open_page: OpenPage, language: str
):
    SCREENS.mkdir(parents=True, exist_ok=True)
    addresses = fill(served.district)
    found: dict[str, list[str]] = {}
    for width in (1280, 320):
        page = open_page("anna", language, width)
        for name, address in addresses.items():
            settled(page, address)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} wide at {width}"
            high = page.locator(".site-header").bounding_box()
            assert high is not None
            assert width > 320 or high["height"] <= 150, f"{name}: the header is {high} on a phone"
            page.screenshot(path=SCREENS / f"{name}-{language}-{width}.png", full_page=True)
            if wrong := complaints(page):
                found[f"{name} {width}"] = wrong
        page.click(f"text={LEAVE[language]}")
        page.click("button[name=anyway]")
        page.goto(f"/sign-in?language={language}")
        page.screenshot(path=SCREENS / f"sign-in-{language}-{width}.png", full_page=True)
        if wrong := complaints(page):
            found[f"sign-in {width}"] = wrong
    assert found == {}
