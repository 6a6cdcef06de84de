"""A cursor over the bytes of one characteristic value that never reads past their end."""

from datetime import datetime

from gateway.codecs import date_time, ieee11073
from gateway.codecs.decoded import Absent, Number
from gateway.errors import DecodeError


class Reader:
    """Reads little-endian fields in order. Every method raises ``DecodeError`` at the offset."""

    def __init__(self, value: bytes) -> None:
        self._value = value
        self.offset = 0

    def uint8(self, what: str) -> int:
        """Read one byte; ``what`` names the field in an error."""
        return self._unsigned(1, what)

    def uint16(self, what: str) -> int:
        """Read two bytes as an unsigned number."""
        return self._unsigned(2, what)

    def uint24(self, what: str) -> int:
        """Read three bytes as an unsigned number."""
        return self._unsigned(3, what)

    def uint32(self, what: str) -> int:
        """Read four bytes as an unsigned number."""
        return self._unsigned(4, what)

    def sint16(self, what: str) -> int:
        """Read two bytes as a number in two's complement."""
        return int.from_bytes(self._take(2, what), "little", signed=True)

    def sfloat(self, what: str) -> Number:
        """Read a two-byte IEEE 11073 SFLOAT."""
        return ieee11073.decode_sfloat(self._unsigned(2, what))

    def float32(self, what: str) -> Number:
        """Read a four-byte IEEE 11073 FLOAT."""
        return ieee11073.decode_float(self._unsigned(4, what))

    def date_time(self, what: str) -> datetime | Absent:
        """Read a seven-byte Date Time."""
        raw = self._take(date_time.LENGTH_BYTES, what)
        try:
            return date_time.decode(raw)
        except ValueError as error:
            raise self.error_at(self.offset - len(raw), str(error)) from error

    def raw(self, count: int, what: str) -> bytes:
        """Read bytes as they are."""
        return self._take(count, what)

    def remaining(self) -> int:
        """Return how many bytes are left."""
        return len(self._value) - self.offset

    def end(self) -> None:
        """Refuse bytes that are left over: they say that the layout was misread."""
        if self.remaining():
            raise self.error(f"{self.remaining()} bytes left over")

    def error(self, reason: str) -> DecodeError:
        """Make an error about the field at the present offset."""
        return self.error_at(self.offset, reason)

    def error_at(self, offset: int, reason: str) -> DecodeError:
        """Make an error about the field that begins at an offset."""
        return DecodeError(reason, offset=offset, value=self._value)

    def _unsigned(self, count: int, what: str) -> int:
        return int.from_bytes(self._take(count, what), "little")

    def _take(self, count: int, what: str) -> bytes:
        if self.remaining() < count:
            raise self.error(f"{what} needs {count} bytes, {self.remaining()} are left")
        raw = self._value[self.offset : self.offset + count]
        self.offset += count
        return raw
