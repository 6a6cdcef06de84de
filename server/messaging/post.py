"""Letters leave by couriers: a process for each, ended after ten seconds (hazard H15)."""

import json
import subprocess
import sys
from collections.abc import Callable, Collection
from typing import Any, Final

from server.messaging.courier import TRY_SECONDS
from server.ports.channels import ChannelKind
from server.services.delivering import Letter, Text
from server.settings import Smtp

_COURIER: Final = (sys.executable, "-P", "-m", "server.messaging.courier")
_ERROR_MAX: Final = 200


class CourierPost:
    """See ``services.delivering.Post``. ``write`` makes a letter's text."""

    def __init__(
        self, smtp: Smtp | None, schemas: Collection[str], write: Callable[[Letter], Text]
    ) -> None:
        self._smtp, self._schemas, self._write = smtp, schemas, write

    def send(self, letter: Letter) -> str | None:
        """Send one letter; blocks for ten seconds at most."""
        text = self._write(letter)
        job: dict[str, Any] = {
            "kind": letter.kind,
            "to": letter.address,
            "key": letter.key,
            "subject": text.subject,
            "text": text.body,
        }
        if letter.kind is ChannelKind.EMAIL:
            if self._smtp is None:
                return "this server has no e-mail"
            try:
                job["smtp"] = _smtp(self._smtp)
            except OSError:
                return "the password of the e-mail server cannot be read"
        elif letter.address.partition(":")[0] not in self._schemas:
            return "this service is not allowed here"
        return _sent(job, letter.address)


def _smtp(smtp: Smtp) -> dict[str, Any]:
    return {
        "host": smtp.host,
        "port": smtp.port,
        "tls": smtp.tls,
        "sender": smtp.sender,
        "user": smtp.user,
        "password": smtp.password(),
    }


def _sent(job: dict[str, Any], address: str) -> str | None:
    try:
        done = subprocess.run(
            _COURIER,
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=TRY_SECONDS,
            check=True,
        )
        error = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return f"no answer within {TRY_SECONDS} seconds"
    except (subprocess.CalledProcessError, ValueError):
        return "the courier failed"
    if error is None:
        return None
    # Receivers repeat the address in what they answer.
    return " ".join(str(error).replace(address, "…").split())[:_ERROR_MAX]
