"""A certificate is renewed at two thirds of its life, with the key that the box has.

One that has ended is asked for all the same: a person at the server agrees, and until then the box
goes on measuring and keeps what it takes.
"""

import asyncio
import logging
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from contract.enrolment import RENEW_PATH, Renewed, RenewRequest
from gateway.enrolment import key as own
from gateway.enrolment.exchange import ask
from gateway.errors import GatewayError, Refused
from gateway.files import write_whole
from gateway.heartbeat import validity
from gateway.settings import Settings

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 3600.0
# While somebody at the server is to agree, perhaps with the home on the phone.
_WAITING_SECONDS: Final = 300.0


class Renewal:
    """Keeps the certificate; ``tls`` is the context that the next connection is made with."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext) -> None:
        self._settings, self._tls = settings, tls
        self._begins, self.ends_at = validity(settings.certificate_file.read_text("ascii"))
        self._failing = ""

    def is_due(self, now: int) -> bool:
        """Tell whether two thirds of the certificate's life are over. A clock that stands before
        its beginning knows nothing."""
        return now >= self._begins + (self.ends_at - self._begins) * 2 // 3

    async def run(self, now: Callable[[], int]) -> None:
        """Run until cancelled; a server that is away or refuses is asked again."""
        while self._settings.server is not None:
            seconds = _LOOK_SECONDS
            if self.is_due(now()):
                renewed = await asyncio.to_thread(self.renew)
                seconds = _LOOK_SECONDS if renewed else _WAITING_SECONDS
            await asyncio.sleep(seconds)

    def renew(self) -> bool:
        """Ask once; tell whether there is a new certificate. Never raises what is expected."""
        try:
            certificate = self._asked(self._settings.server or "")
        except (GatewayError, OSError) as error:
            return self._said(f"certificate: not renewed: {error}")
        if certificate is None:
            return self._said("certificate: has ended; a person at the server must let us in again")
        _log.info("certificate: renewed")
        self._failing = ""
        return True

    def _said(self, why: str) -> bool:
        if why != self._failing:
            self._failing = why
            _log.error("%s", why)
        return False

    def _asked(self, server: str) -> str | None:
        settings = self._settings
        asked = RenewRequest(settings.gateway, own.signing_request(settings.key_file))
        certificate = ask(server, RENEW_PATH, asked, Renewed).certificate
        if certificate is None:
            return None
        authority = settings.ca_file.read_text(encoding="ascii")
        with tempfile.TemporaryDirectory(dir=settings.state_dir) as folder:
            own.check_certificate(certificate, authority, settings.key_file, Path(folder))
        begins, ends_at = validity(certificate)
        if ends_at <= self.ends_at:
            raise Refused(f"{server}: gave an older certificate")
        write_whole(settings.certificate_file, certificate.encode("ascii"), 0o644)
        self._tls.load_cert_chain(settings.certificate_file, settings.key_file)
        self._begins, self.ends_at = begins, ends_at
        return certificate
