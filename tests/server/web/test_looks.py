"""Who looked at a patient: every look is there, the look at the looks too."""

from tests.server.web.district import District


def test_who_looked_is_on_a_page_for_a_doctor(district: District) -> None:
    district.browser("anna").get(f"/patients/{district.maria}")
    district.browser("bruno").get(f"/patients/{district.maria}/measurements.csv")
    browser = district.browser("dora")
    where = f"/patients/{district.maria}/looks"
    assert where in browser.get(f"/patients/{district.maria}").text
    page = browser.get(where).text
    assert "Anna Neri" in page
    assert "all values, as a file" in page
    assert ">who looked<" in page
    assert where not in district.browser("anna").get(f"/patients/{district.maria}").text


def test_what_is_put_on_the_record_has_its_words_on_the_page(district: District) -> None:
    """A look of a kind that the page cannot name would hide behind an error."""
    browser = district.browser("carmen")
    for path in ("plan", "charts", "measurements.csv", "looks"):
        assert browser.get(f"/patients/{district.maria}/{path}").status_code == 200
    assert browser.get(f"/patients/{district.maria}/looks").status_code == 200
