"""Who may open what: the table is complete, and it holds on every route."""

import hashlib
import re

import pytest
from fastapi.routing import APIRoute

from server.domain.roles import Action, Role, may
from server.web import application
from server.web.access import ANYBODY, MACHINE, ROUTES, SIGNED_IN
from tests.server.web.district import HOUR, Browser, District

_ROUTERS = [module.router for module in application._PAGES]
_PLACES = re.compile(r"\{(\w+)\}")
_STREAM = "/events"  # never ends: it has tests of its own
_OWN = {"patient_id": 1, "alert_id": 1, "epoch_id": 1, "seq": 1, "code": "systolic", "version": 1,
        "channel_id": 1, "device_id": 1, "mark": "0" * 32, "gateway": "gw-1"}  # fmt: skip
ROLES = {
    "anna": Role.NURSE,
    "dora": Role.DOCTOR,
    "sara": Role.CONTACT_POINT,
    "tito": Role.TECHNICAL_SERVICE,
    "carmen": Role.COORDINATOR,
    "ada": Role.ADMINISTRATOR,
}
# What machines ask has tests of its own.
WALKED = sorted(key for key in ROUTES if key[1] != _STREAM and ROUTES[key] != MACHINE)

FORMS = [key for key in WALKED if key[0] == "POST"]


def filled(path: str, numbers: dict[str, int]) -> str:
    """Put numbers into a route's places."""
    return _PLACES.sub(lambda place: str({**_OWN, **numbers}[place[1]]), path)


def asked(browser: Browser, method: str, path: str) -> int:
    answer = browser.get(path) if method == "GET" else browser.post(path)
    return answer.status_code


def test_every_route_has_its_entry_and_every_entry_its_route():
    routers = [*_ROUTERS, application._health]
    served = {
        (method, route.path)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert served == set(ROUTES)


def test_the_application_serves_nothing_but_these_routes(district: District):
    def paths(routes) -> set[str]:
        found = set()
        for route in routes:
            inner = getattr(route, "original_router", None)
            found |= paths(inner.routes) if inner is not None else {route.path}
        return found

    assert paths(district.application.routes) == {path for _, path in ROUTES} | {"/static"}


def test_nobody_opens_a_page_without_signing_in(district: District):
    browser = district.browser()
    for method, path in WALKED:
        if ROUTES[method, path] != ANYBODY:
            assert asked(browser, method, filled(path, {})) == 303, (method, path)


@pytest.mark.parametrize("name", ROLES)
def test_a_role_opens_what_the_table_says_and_nothing_else(district: District, name: str):
    district.measure({"systolic": "190"})
    browser = district.browser(name)
    role = ROLES[name]
    for method, path in WALKED:
        door = ROUTES[method, path]
        if path == "/sign-out":
            continue
        status = asked(browser, method, filled(path, {}))
        refused = isinstance(door, Action) and not may(role, door)
        # Alert 1 is clinical: who answers no such alert does not even learn that there is one, and
        # a coordinator may not take it on yet.
        if not refused and path.startswith("/alerts/") and not may(role, Action.WORK_CLINICAL):
            sees = may(role, Action.TAKE_UNANSWERED)
            expected = {("GET", True): (200,), ("POST", True): (403, 422)}
            assert status in expected.get((method, sees), (404, 422)), (method, path)
        else:
            assert (status == 403) == refused, (method, path)


@pytest.mark.parametrize("name", ROLES)
def test_another_chcs_things_are_not_found_in_any_verb(district: District, name: str):
    numbers = district.elsewhere()
    browser = district.browser(name)
    walked = 0
    for method, path in WALKED:
        if not _PLACES.search(path):
            continue
        walked += 1
        door = ROUTES[method, path]
        refused = isinstance(door, Action) and not may(ROLES[name], door)
        answer = 403 if refused else 404
        assert asked(browser, method, filled(path, numbers)) == answer, (method, path)
    assert walked > 33  # and every one of them


def test_another_chcs_names_are_on_no_list(district: District):
    district.elsewhere()
    browser = district.browser("anna")
    for path in (
        "/worklist",
        "/worklist?tab=technical",
        "/patients",
        "/held",
        "/assignments",
        "/fleet",
    ):
        assert "Altrove" not in browser.get(path).text
        assert "gw-2" not in browser.get(path).text


def test_an_administrator_sees_gateways_and_no_value(district: District):
    district.measure({"systolic": "190"})
    page = district.browser("ada").get("/fleet").text
    assert "gw-1" in page
    assert not says(page, "190")
    assert "Rossi" not in page


VALUE, NAME = "187", "Rossi"


def says(page: str, value: str) -> bool:
    """Tell whether a number stands on a page: one by itself, not three digits of a random mark."""
    return re.search(rf"(?<![\w-]){value}(?![\w-])", page) is not None


@pytest.mark.parametrize("name", ["tito", "sara", "ada"])
def test_no_page_shows_a_value_to_who_cares_for_no_patient(district: District, name: str):
    district.measure({"systolic": VALUE})
    district.measure({"systolic": VALUE}, device="AA:BB:CC:DD:EE:F9")
    district.now += 8 * HOUR
    district.beat(district.now)
    district.judge()
    browser = district.browser(name)
    for method, path in WALKED:
        if method == "GET":
            for number in (1, 2, 3, 4):
                page = browser.get(filled(path, {"alert_id": number})).text
                assert not says(page, VALUE), (path, number)
                assert name == "sara" or NAME not in page, (path, number)


def test_a_form_without_the_sessions_token_changes_nothing(district: District):
    district.measure({"systolic": "190"})
    browser = district.browser("anna")
    foreign = district.browser("bruno").csrf()
    before = _contents(district)
    for method, path in FORMS:
        if ROUTES[method, path] == ANYBODY:
            continue
        for token in ("", "wrong", foreign):
            assert browser.post(filled(path, {}), csrf=token).status_code == 403, path
    assert _contents(district) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_a_form_of_another_site_changes_nothing(district: District, headers: dict[str, str]):
    browser = district.browser("anna")
    before, token = _contents(district), browser.csrf()
    for _, path in FORMS:
        assert browser.post(filled(path, {}), csrf=token, **headers).status_code == 403, path
    assert _contents(district) == before


def test_looking_changes_nothing_but_the_record_of_looks(district: District):
    district.measure({"systolic": "190"})
    district.measure({"systolic": "150"}, device="AA:BB:CC:DD:EE:F9")
    browser = district.browser("anna")
    before = _contents(district)
    for method, path in WALKED:
        if method == "GET":
            browser.get(filled(path, {}))
    assert _contents(district) == before


def test_every_page_about_a_patient_leaves_a_row_on_the_record(district: District):
    district.measure({"systolic": "190"})
    browser = district.browser("anna")
    for path in ("/patients/1", "/patients/1/measurements.csv", "/patients/1/charts",
                 f"/alerts/{district.alert('systolic-high-outer')}"):  # fmt: skip
        before = len(_looks(district))
        assert browser.get(path).status_code == 200
        looks = _looks(district)
        assert len(looks) == before + 1
        assert looks[-1] == ("anna", district.maria)


def test_signed_in_is_enough_only_where_nothing_but_ones_own_is_shown():
    assert {path for (_, path), door in ROUTES.items() if door == SIGNED_IN} == {
        "/",
        "/events",
        "/sign-out",
        "/language",
        "/account",
        "/account/sessions/{mark}/end",
        "/account/sessions/end-others",
        "/account/channels",
        "/account/channels/{channel_id}/remove",
        "/account/channels/{channel_id}/quiet",
        "/account/channels/{channel_id}/test",
    }


def _looks(district: District) -> list[tuple[str, int]]:
    return district.world.rows(
        "select who, patient_id from audit where patient_id is not null and who <> 'engine'"
        " order by id"
    )


def _contents(district: District) -> str:
    tables = district.world.rows(
        "select name from sqlite_master where type='table' and name not in ('audit', 'sessions')"
    )
    rows = [district.world.rows(f"select * from {name}") for (name,) in tables]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@pytest.mark.parametrize("path", ["/alerts/{}", "/patients/{}", "/patients/{}/measurements.csv"])
@pytest.mark.parametrize("number", ["0", "-1", str(2**31), str(2**63), "9" * 400])
def test_a_number_that_no_table_holds_is_an_address_of_nothing(
    district: District, path: str, number: str
):
    assert district.browser("anna").get(path.format(number)).status_code == 404
