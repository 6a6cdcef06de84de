"""Numbers, units and texts in one reader's language."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel.numbers import format_decimal, format_percent, get_decimal_symbol

from contract.codes import BY_NUMBER, CONSCIOUSNESS, DEFINITIONS, Code, unscaled
from server.engine.rules import COMPARATOR
from server.engine.series import NO_CODE, SCORE_CODE
from server.web import texts
from server.web.catalogues import N_, formats, translations

# Digits that are always shown; more only where the value has them.
_DIGITS: Final = {Code.TEMPERATURE: 1, Code.WEIGHT: 1}


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a language writes what is measured. Values are scaled integers."""

    language: str

    def text(self, message: str, **values: object) -> str:
        """Translate a text and put values into it."""
        translated = translations(self.language).gettext(message)
        return translated % values if values else translated

    @property
    def decimal_sign(self) -> str:
        """The language's decimal point or comma."""
        return get_decimal_symbol(formats(self.language))

    def days(self, count: int) -> str:
        """Say so many days."""
        ngettext = translations(self.language).ngettext
        return ngettext("%(num)s day", "%(num)s days", count) % {"num": count}

    def hours_long(self, count: int) -> str:
        """Say so many hours."""
        ngettext = translations(self.language).ngettext
        return ngettext("%(num)s hour", "%(num)s hours", count) % {"num": count}

    def code(self, code: Code | int) -> str:
        """Name what is measured."""
        return self.text(texts.CODES[_code(code)])

    def unit(self, code: Code | int) -> str:
        """Name the code's unit as people write it."""
        unit = DEFINITIONS[_code(code)].unit
        return self.text(texts.UNITS[unit]) if unit in texts.UNITS else unit

    def decimal(self, code: Code | int, value: Decimal) -> str:
        """Write a number with the code's usual digits."""
        digits = "0" * _DIGITS.get(_code(code), 0)
        pattern = f"#,##0.{digits}###".rstrip(".")
        return written(self.language, pattern, value)

    def rounded(self, value: float) -> str:
        """Write a number that is only about so much."""
        return str(format_decimal(value, "#,##0.#", locale=formats(self.language)))

    def megabytes(self, count: int) -> str:
        """Write a number of bytes that is only about so much."""
        return f"{format_decimal(count // 1_000_000, '#,##0', locale=formats(self.language))} MB"

    def ahead(self, milliseconds: int) -> str:
        """Say by how much a clock is wrong."""
        seconds = format_decimal(abs(milliseconds) // 1000, "#,##0", locale=formats(self.language))
        said = N_("%(seconds)s s ahead") if milliseconds > 0 else N_("%(seconds)s s behind")
        return self.text(said, seconds=seconds)

    def percent(self, part: int, whole: int) -> str:
        """Write a share of something that is not nothing."""
        return str(format_percent(part / whole, locale=formats(self.language)))

    def number(self, code: Code | int, value: int) -> str:
        """Write a scaled integer, or LO or HI where the device could not say a number (H3)."""
        if abs(value) == COMPARATOR:
            return "HI" if value > 0 else "LO"
        if _code(code) is Code.CONSCIOUSNESS:
            return CONSCIOUSNESS[value]
        return self.decimal(code, unscaled(_code(code), value))

    def value(self, code: Code | int, value: int) -> str:
        """Write a scaled integer with its unit, or a score's points, or how many rules were met."""
        if code == NO_CODE:
            return self.text(N_("%(count)s rules"), count=value)
        if code == SCORE_CODE:
            return self.text(N_("%(count)s points"), count=value)
        number = self.number(code, value)
        return number if number in ("LO", "HI") else f"{number} {self.unit(code)}".rstrip()


@lru_cache(maxsize=4096)
def written(language: str, pattern: str, value: Decimal) -> str:
    """Write a number by a pattern of Unicode's locale data."""
    return format_decimal(value, pattern, locale=formats(language))


def _code(code: Code | int) -> Code:
    return code if isinstance(code, Code) else BY_NUMBER[code]
