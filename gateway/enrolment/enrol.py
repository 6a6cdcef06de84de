"""Making this box a gateway by a claim code.

Every step may be cut off and done again: the key stays, and the server answers the same key again
within the code's day.
"""

import json
import re
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from contract import enrolment as wire
from gateway.enrolment import key as own
from gateway.enrolment.exchange import ask
from gateway.errors import Refused, SettingsError
from gateway.files import write_whole
from gateway.settings import SERVER


@dataclass(frozen=True)
class Place:
    """Where the box keeps what it is: the settings file, and the folder of its state."""

    settings: Path
    state: Path

    @property
    def key(self) -> Path:
        return self.state / "gateway.key"

    @property
    def certificate(self) -> Path:
        return self.state / "gateway.crt"

    @property
    def authority(self) -> Path:
        return self.state / "ca.crt"


def enrol(place: Place, server: str, code: str) -> str:
    """Ask the server, keep what it gives, and return the gateway's id.

    Raises ``Refused``, ``ServerUnavailable`` (try again), or ``SettingsError``.
    """
    if not re.fullmatch(SERVER, server):
        raise SettingsError(f"{server}: expected https://host")
    try:
        claim = wire.claim_of(code)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    place.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    own.make_key(place.key)
    given = _asked(server, claim, own.signing_request(place.key))
    with tempfile.TemporaryDirectory(dir=place.state) as folder:
        own.check_certificate(given.certificate, given.authority, place.key, Path(folder))
    text = _settings(place, server, given)
    write_whole(place.authority, given.authority.encode("ascii"), 0o644)
    write_whole(place.certificate, given.certificate.encode("ascii"), 0o644)
    if text is not None:
        place.settings.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place.settings, text.encode(), 0o644)
    return given.gateway


def key_mark(place: Place) -> str:
    """Return how the key's fingerprint begins, as the server's page shows it."""
    begins = own.fingerprint(place.key)
    return " ".join(begins[at : at + 4] for at in range(0, 16, 4))


def _asked(server: str, claim: wire.Claim, request: str) -> wire.Enrolled:
    asked = wire.EnrolRequest(claim.name, request, "0" * 64)
    asked = wire.EnrolRequest(claim.name, request, wire.request_proof(claim.key, asked))
    given = ask(server, wire.ENROL_PATH, asked, wire.Enrolled)
    if not wire.is_proof(given.proof, wire.answer_proof(claim.key, asked, given)):
        raise Refused(f"{server}: is not the server that gave this code")
    return given


def _settings(place: Place, server: str, given: wire.Enrolled) -> str | None:
    """Return the settings file with what is missing in it, or None when nothing is.

    Raises ``SettingsError`` when it says something else: whose box it was is for a person to say.
    """
    needed = {
        "gateway": given.gateway,
        "broker": given.broker,
        "server": server,
        "ca_file": str(place.authority.absolute()),
        "certificate_file": str(place.certificate.absolute()),
        "key_file": str(place.key.absolute()),
        "state_dir": str(place.state.absolute()),
    }
    old = place.settings.read_text(encoding="utf-8") if place.settings.exists() else ""
    try:
        said = tomllib.loads(old)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{place.settings}: {error}") from error
    for name, text in needed.items():
        if said.get(name, text) != text:
            raise SettingsError(f"{place.settings}: {name} is {said[name]!r}, and not {text!r}")
    # A JSON string is a TOML basic string; keys of the file itself stand before its tables.
    lines = [
        f"{n} = {json.dumps(t, ensure_ascii=False)}\n" for n, t in needed.items() if n not in said
    ]
    return "".join(lines) + old if lines else None
