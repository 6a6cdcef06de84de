"""One question to the server over HTTPS, and its answer.

The server's certificate is not looked at: its pages may have one of any authority, or behind the
box's wrong clock none that is valid. The answer proves itself, by the claim code or by the
authority's signature, and nothing that is asked is secret (see ``contract.enrolment``).
"""

import http.client
import ssl
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from contract.enrolment import ANSWER_BYTES_MAX
from gateway.errors import Refused, ServerUnavailable

_SECONDS: Final = 30  # the server may wait for its broker
_GOOD: Final = (200, 202)
_REFUSED: Final = 403
Answer = TypeVar("Answer", bound=Struct)


def ask(server: str, path: str, asked: Struct, kind: type[Answer]) -> Answer:
    """Send it and read the answer. Raises ``ServerUnavailable``, or ``Refused``."""
    connection = _connection(server)
    headers = {"Content-Type": "application/json"}
    try:
        connection.request("POST", path, msgspec.json.encode(asked), headers)
        answer = connection.getresponse()
        body = answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise ServerUnavailable(f"{server}: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if answer.status == _REFUSED:
        raise Refused(f"{server}: refused")
    if answer.status not in _GOOD:
        raise ServerUnavailable(f"{server}: answers {answer.status}")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ServerUnavailable(f"{server}: answers what is no answer: {error}") from error


def _connection(server: str) -> http.client.HTTPConnection:
    parts = urlsplit(server)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=_SECONDS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, parts.port, timeout=_SECONDS, context=context)
