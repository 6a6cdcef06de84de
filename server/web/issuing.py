"""Certificates for gateways by the authority in this server's own folder."""

from datetime import UTC, datetime
from typing import Final

from server import authority
from server.ports.enrolment import Certified
from server.settings import Settings

_DAYS: Final = 90


class LocalIssuer:
    """See ``ports.enrolment.Issuer``."""

    def __init__(self, settings: Settings) -> None:
        self._keys, self.broker = settings.keys_dir, settings.gateway_broker

    @property
    def authority(self) -> str:
        return (self._keys / "ca.crt").read_text(encoding="ascii")

    def key_of(self, request: str) -> str:
        return authority.key_of_request(request.encode())

    def certify(self, gateway: str, request: str, now: int) -> Certified:
        at = datetime.fromtimestamp(now / 1000, UTC)
        signed = authority.sign_request(self._keys, gateway, request.encode(), at, _DAYS)
        ends_at = int(authority.ends_at(signed).timestamp() * 1000)
        return Certified(signed.decode("ascii"), ends_at)
