"""Foreign errors stop here: bleak's, D-Bus's and the system's become ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from bleak.exc import BleakBluetoothNotAvailableError, BleakError, BleakGATTProtocolError
from dbus_fast.errors import DBusError, InvalidAddressError

from gateway.errors import (
    DeviceUnavailable,
    LinkUnavailable,
    RadioUnavailable,
    ServicesUnavailable,
)

# dbus-fast's errors derive from no class of bleak's, and some only from Exception.
FOREIGN = (BleakError, DBusError, InvalidAddressError, TimeoutError, EOFError, OSError)

# What BlueZ says when one side has lost its half of a bond; it works once after pairing, then not.
_NOT_BONDED = "AuthenticationFailed"
_HALF_BOND = " (one side has lost the bond: vicino-gateway pair)"
# A peripheral that is there and does not want: no fault of the radio's. BlueZ, src/error.h.
_REFUSALS = ("Error.Authentication", "Error.NotAuthorized", "Error.NotPermitted", _NOT_BONDED)
# BlueZ src/error.h: the controller has no slot left for one more link.
_NO_SLOT = "le-connection-concurrent-connection-limit"
# Bluetooth Core 5.4, Vol 3, Part F, 3.4.1.1: invalid handle, attribute not found.
_NOT_THERE = (0x01, 0x0A)


@contextmanager
def radio_errors() -> Iterator[None]:
    """Raise ``RadioUnavailable`` for whatever keeps the adapter from working."""
    try:
        yield
    except FOREIGN as error:
        raise RadioUnavailable(f"radio: {_said(error)}") from error


@contextmanager
def device_errors(address: str) -> Iterator[None]:
    """Raise ``DeviceUnavailable`` for whatever goes wrong with one peripheral."""
    try:
        yield
    except BleakBluetoothNotAvailableError as error:
        raise RadioUnavailable(f"radio: {_said(error)}") from error
    except FOREIGN as error:
        said = _said(error)
        if _NO_SLOT in said:
            raise RadioUnavailable(f"radio: {said}") from error
        if isinstance(error, BleakGATTProtocolError) and error.args[0] in _NOT_THERE:
            raise ServicesUnavailable(f"device {address}: {said}") from error
        hint = _HALF_BOND if _NOT_BONDED in said else ""
        refuses = isinstance(error, BleakGATTProtocolError) or any(one in said for one in _REFUSALS)
        made = DeviceUnavailable if refuses else LinkUnavailable
        raise made(f"device {address}: {said}{hint}") from error


def _said(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no D-Bus here, so no BlueZ either"
    return str(error) or type(error).__name__
