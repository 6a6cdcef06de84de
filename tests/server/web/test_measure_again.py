"""A nurse has the home asked to measure again, and sees an alert judged again (H5, promise 7)."""

import re

import pytest

from tests.server.web.district import HOUR, MINUTE, District


def prompting(district: District) -> str:
    """Let the patient's gateway be one that can ask its home, heard a minute ago."""
    (gateway,) = district.world.rows("select id from gateways limit 1")[0]
    with district.store.write() as tx:
        seen = district.now - MINUTE
        tx.measurements.seen_gateway(gateway, seen, seen - HOUR, {"prompts": True})
    return str(gateway)


def raised(district: District) -> str:
    district.measure({"systolic": "190"})
    return f"/alerts/{district.alert('systolic-high-outer')}"


def test_the_home_is_asked_once_and_the_alert_says_who_had_it_asked(district: District) -> None:
    where = raised(district)
    gateway, browser = prompting(district), district.browser("anna")
    assert "/measure-again" in browser.get(where).text
    assert browser.post(f"{where}/measure-again").status_code == 303
    rows = district.world.rows("select gateway_id, name, code from commands")
    assert rows == [(gateway, "measure-again", "systolic")]
    page = browser.get(where).text
    assert "Anna Neri</strong>: had the home asked to measure again – Systolic pressure" in page
    assert "/measure-again" not in page
    assert district.browser("bruno").post(f"{where}/measure-again").status_code == 409
    assert len(district.world.rows("select id from commands")) == 1
    district.now += 11 * MINUTE
    prompting(district)
    assert "/measure-again" in browser.get(where).text


@pytest.mark.parametrize("why", ["no prompts", "silent", "closed"])
def test_a_home_that_cannot_be_asked_is_not_offered(district: District, why: str) -> None:
    where = raised(district)
    if why != "no prompts":
        prompting(district)
    district.now += 20 * MINUTE if why == "silent" else 0
    if why == "closed":
        sql = "update alerts set closed_at = 1, closed_by = 'anna', outcome = 'no-action-needed'"
        with district.store.write() as tx:
            tx.connection.exec_driver_sql(sql)
    browser = district.browser("anna")
    assert "/measure-again" not in browser.get(where).text
    assert browser.post(f"{where}/measure-again").status_code == 409
    assert district.world.rows("select id from commands") == []


def test_an_alert_is_judged_again_on_its_page(district: District) -> None:
    where = raised(district)
    browser = district.browser("anna")
    assert f'href="{where}?replay=1"' in browser.get(where).text
    page = browser.get(f"{where}?replay=1").text
    again = page[page.index("data-replayed") :]
    assert len(re.findall("judged again from what is stored: the same", again)) == 1
    with district.store.write() as tx:
        tx.connection.exec_driver_sql("update findings set value = 1899")
    assert "not the same" in browser.get(f"{where}?replay=1").text
    assert "data-replayed" not in district.browser("carmen").get(where).text
