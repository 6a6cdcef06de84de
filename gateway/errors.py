"""What can go wrong in the gateway; a class only where a caller acts differently.

* GatewayError
  x WrongData
    + DecodeError           bytes of a device that cannot be read: send them as unreadable
  x NotNow                  try again later, bounded
    + DeviceUnavailable     the peripheral did not connect, answer or stay
      - ServicesUnavailable   it has not what it must have: what is remembered of it may be old
      - LinkUnavailable       no link came up, or it did not last: perhaps the radio's fault
    + RadioUnavailable      no Bluetooth adapter, or it is off
    + UplinkUnavailable     the broker cannot be reached
    + OutboxUnavailable     the outbox cannot take a measurement (disk full, at its limit)
    + ServerUnavailable     the server cannot be reached, or answers nothing that can be used
  x Refused                 the server refuses this box, or is not the one that it says it is
  x SettingsError           the settings file is wrong: stop at start, exit 2
"""


class GatewayError(Exception):
    """Anything the gateway expects to go wrong."""


class WrongData(GatewayError):
    """Data that will never be right: say so, never retry."""


class DecodeError(WrongData):
    """Bytes that cannot be read: ``value`` reproduces it, ``offset`` says where it went wrong."""

    def __init__(self, reason: str, *, offset: int, value: bytes) -> None:
        super().__init__(f"offset {offset}: {reason}")
        self.reason = reason
        self.offset = offset
        self.value = value


class NotNow(GatewayError):
    """Something that may work later."""


class DeviceUnavailable(NotNow):
    """The peripheral did not connect, answer or stay."""


class ServicesUnavailable(DeviceUnavailable):
    """The peripheral lacks a service or characteristic; what is remembered of it may be old."""


class LinkUnavailable(DeviceUnavailable):
    """No link to the peripheral came up, or it did not last; it may be the radio's fault."""


class RadioUnavailable(NotNow):
    """No Bluetooth adapter, or it is off."""


class UplinkUnavailable(NotNow):
    """The broker cannot be reached."""


class OutboxUnavailable(NotNow):
    """The outbox cannot take a measurement now; what it holds is safe."""


class ServerUnavailable(NotNow):
    """The server cannot be reached, or answers nothing that can be used."""


class Refused(GatewayError):
    """The server refuses this box, or is not the one that gave the claim code."""


class SettingsError(GatewayError):
    """The settings cannot be used: says which file, which key and why."""
