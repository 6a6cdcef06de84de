"""The pages' languages: gettext catalogues, read as they are written; nothing is compiled.

Texts in code and templates are English and are looked up in every language, English included:
what a page shows stands in a catalogue.
"""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LANGUAGES: Final = {"it": "Italiano", "en": "English", "fr": "Français"}
# Numbers and dates: English is written here as Europe writes it, the day before the month.
_FORMATS: Final = {"en": "en_GB"}
DEFAULT: Final = "it"
LOCALES: Final = Path(__file__).parent / "locales"


def N_(text: str) -> str:
    """Mark a text for the catalogues where it cannot be translated yet."""
    return text


@cache
def translations(language: str) -> Translations:
    """Read one language's catalogue."""
    path = LOCALES / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def formats(language: str) -> str:
    """Return the locale that a language's numbers and dates follow."""
    return _FORMATS.get(language, language)


def known(language: str | None) -> str:
    """Return the language if there is a catalogue of it, else the default."""
    return language if language in LANGUAGES else DEFAULT


def preferred(accept_language: str) -> str:
    """Return the first language of an Accept-Language header that there is a catalogue of."""
    for part in accept_language.split(","):
        tag = part.split(";")[0].strip()[:2].lower()
        if tag in LANGUAGES:
            return tag
    return DEFAULT
