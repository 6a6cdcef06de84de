"""Every text is in every language: none missing, none fuzzy, none unused, none outside."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from server.web.catalogues import LANGUAGES, LOCALES
from server.web.site import _environment

WEB = LOCALES.parent
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
PLACES = re.compile(r"%\(\w+\)s")
# What stands between tags without being looked up: names, units, marks and numbers.
BARE = {"Vicino", "–", "…"}


def used() -> set[str | tuple[str, ...]]:
    with (WEB.parent.parent / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(WEB, methods, options, KEYWORDS)
    return {message for _, _, message, _, _ in found}


def catalogue(language: str) -> Catalog:
    with (LOCALES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_exactly_the_texts_that_are_used(language: str):
    known = {message.id for message in catalogue(language) if message.id}
    assert used() - known == set()
    assert known - used() == set()
    assert not catalogue(language).obsolete


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_keeps_its_places(language: str):
    for message in catalogue(language):
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        ids = (message.id,) if isinstance(message.id, str) else message.id
        said = (message.string,) if isinstance(message.string, str) else message.string
        for one in said:
            assert one.strip(), message.id
            assert sorted(PLACES.findall(one)) == sorted(PLACES.findall(ids[-1])), message.id


@pytest.mark.parametrize(
    "template", sorted((WEB / "templates").glob("*.html")), ids=lambda p: p.name
)
def test_no_word_stands_in_a_template_without_being_looked_up(template: Path):
    text = template.read_text()
    text = re.sub(r"\{[{%#].*?[}%#]\}", " ", text, flags=re.DOTALL)
    text = re.sub(r'[\w-]+="[^"]*"', " ", text)
    text = re.sub(r"<[^>]*>", " ", text)
    words = [word for word in text.split() if re.search(r"[A-Za-zÀ-ÿ]{2}", word)]
    assert set(words) <= BARE


@pytest.mark.parametrize(
    "template", sorted((WEB / "templates").glob("*.html")), ids=lambda p: p.name
)
def test_a_colon_is_written_as_the_language_does(template: Path):
    assert re.findall(r"(?:\}\}|%\}|</\w+>):.{10}", template.read_text()) == []


def test_no_line_breaks_before_a_french_colon():
    said = {one: _environment(one).from_string("Note{{ colon }}42").render() for one in LANGUAGES}
    assert said == {"it": "Note: 42", "en": "Note: 42", "fr": "Note\N{NO-BREAK SPACE}: 42"}
