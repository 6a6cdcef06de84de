"""Headers on every answer, limits on what is taken, and error pages that give nothing away."""

import re

import pytest

from server.web import fleet
from server.web.access import ROUTES
from server.web.protection import BODY_BYTES_MAX, CONTENT_POLICY
from tests.server.web.district import HOSTILE, WATCHED, District
from tests.server.web.test_access import _STREAM, filled


def _check(answer) -> None:
    assert answer.headers["content-security-policy"] == CONTENT_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"]


def test_the_content_policy_is_the_agreed_one():
    assert CONTENT_POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


@pytest.mark.parametrize("name", [None, "anna"])
def test_every_answer_carries_the_headers(district: District, name: str | None):
    district.measure({"systolic": "190"})
    browser = district.browser(name)
    for method, path in sorted(ROUTES):
        if path in (_STREAM, "/sign-out"):
            continue
        address = filled(path, {})
        answer = browser.get(address) if method == "GET" else browser.post(address)
        _check(answer)
        assert answer.headers["cache-control"] == "no-store", path
    for address in ("/nowhere", "/patients/x", "/static/nothing.js", "/worklist/"):
        _check(browser.get(address))


def test_an_error_page_has_a_number_and_nothing_internal(
    district: District, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> str:
        raise RuntimeError("the secret inner workings of Maria Rossi")

    monkeypatch.setattr(fleet, "state_of", broken)
    answer = district.browser("anna").get("/fleet")
    assert answer.status_code == 500
    _check(answer)
    assert "Number of this incident" in answer.text
    for inner in ("secret", "Rossi", "Traceback", "RuntimeError", ".py"):
        assert inner not in answer.text


def test_a_body_that_is_too_large_is_not_read(district: District):
    browser = district.browser("anna")
    answer = browser.post("/language", {"language": "x" * BODY_BYTES_MAX})
    assert answer.status_code == 413
    _check(answer)


def test_only_plain_forms_are_taken(district: District):
    browser = district.browser("anna")
    answer = district.runner.run(browser.client.post("/language", json={"csrf": browser.csrf()}))
    assert answer.status_code == 403


def test_hostile_words_do_nothing_on_any_page(district: District):
    patient = district.person("P" + HOSTILE[:30], HOSTILE, HOSTILE)
    district.world.device("AA:BB:CC:DD:EE:02", patient)
    district.world.plan(patient, WATCHED, 0)
    district.measure({"systolic": "190"}, device="AA:BB:CC:DD:EE:02")
    browser = district.browser("anna")
    browser.post("/alerts/1/note", {"text": HOSTILE})
    browser.post("/alerts/1/pause", {"reason": HOSTILE, "hours": "1"})
    for path in ("/worklist", f"/patients/{patient}", "/patients",
                 "/alerts/1", "/held", f"/sign-in?next={HOSTILE}"):  # fmt: skip
        page = browser.get(path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text
        # Without the hashes of built files and of forms, which hold any digits by chance.
        said = re.sub(r"\?[0-9a-f]{8}|value=\"[^\"]*\"", "", page.text)
        assert "49" not in said.replace("lt;", "") or "{{7*7}}" in page.text


@pytest.mark.parametrize(
    ("address", "back"),
    [("/alerts/{alert}/close", "/alerts/{alert}"), ("/claims", "/"), ("/held/1/2/choose", "/held")],
)
def test_a_page_that_answered_a_form_is_reloaded_as_the_page_of_the_form(
    district: District, address: str, back: str
):
    """The address bar still names what was posted to: to reload it, or change the language, is no
    error."""
    district.measure({"systolic": "190"})
    number = district.alert("systolic-high-outer")
    answer = district.browser("anna").get(address.format(alert=number))
    assert (answer.status_code, answer.headers["location"]) == (303, back.format(alert=number))


def test_who_is_refused_learns_which_of_the_two_it_is(district: District):
    foreign = district.browser("bruno").csrf()
    stale = district.browser("anna").post("/duty/off", csrf=foreign)
    assert stale.status_code == 403
    assert "This form is from an earlier session" in stale.text
    role = district.browser("tito").get(f"/patients/{district.maria}")
    assert role.status_code == 403
    assert "Your role does not allow it" in role.text
    assert "earlier session" not in role.text
