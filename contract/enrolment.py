"""How a box becomes a gateway and stays one: JSON over HTTPS, before it may speak to a broker.

A person reads a claim code off the server's page and types it on the box. The code proves each
side to the other and never travels: the box sends its name (a hash) and a proof (an HMAC-SHA256,
RFC 2104, by another hash of it) over its signing request, the server proves its answer the same
way. So neither a wrong server nor who listens gains anything, whatever certificate the server's
pages have, and however wrong the box's clock is. 100 random bits cannot be found by trying.

A certificate is renewed by a signing request of the key that it was given to. The request proves
the key, and the answer is worth only what the authority signed.
"""

import hashlib
import hmac
import re
import secrets
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct

from contract.messages import GatewayId

# Nothing that looks like something else on a screen or in handwriting: no 0, 1, I, O.
ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_CHARACTERS: Final = 20
_GROUP: Final = 5
ENROL_PATH: Final = "/gateways/enrol"
RENEW_PATH: Final = "/gateways/renew"
ANSWER_BYTES_MAX: Final = 64 * 1024

Request = Annotated[str, Meta(min_length=1, max_length=4096)]
"""A PKCS #10 signing request (RFC 2986), PEM."""
Certificate = Annotated[str, Meta(min_length=1, max_length=16384)]
Proof = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Claim(NamedTuple):
    """What both sides make of a code: the name it is found by, and the key of the proofs."""

    name: str
    key: bytes


class EnrolRequest(Struct, frozen=True):
    """From the box. ``claim`` is the claim's name."""

    claim: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    request: Request
    proof: Proof


class Enrolled(Struct, frozen=True):
    """To the box: who it is, where its broker is, and whom it believes."""

    gateway: GatewayId
    broker: Annotated[str, Meta(max_length=300)]
    authority: Certificate
    certificate: Certificate
    proof: Proof = "0" * 64


class RenewRequest(Struct, frozen=True):
    """From a gateway, signed by the key that it has."""

    gateway: GatewayId
    request: Request


class Renewed(Struct, frozen=True):
    """To a gateway; without a certificate a person at the server must agree first."""

    certificate: Certificate | None = None


def new_code() -> str:
    """Make a claim code, in groups of five."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARACTERS))
    return "-".join(drawn[at : at + _GROUP] for at in range(0, CODE_CHARACTERS, _GROUP))


def claim_of(code: str) -> Claim:
    """Return what follows from a code, however it was typed. Raises ``ValueError``."""
    plain = re.sub(r"[\s-]", "", code).upper()
    if len(plain) != CODE_CHARACTERS or not set(plain) <= set(ALPHABET):
        raise ValueError(f"a claim code has {CODE_CHARACTERS} letters and digits, no 0, 1, I or O")
    name = hashlib.sha256(b"vicino claim name 1 " + plain.encode()).hexdigest()[:32]
    return Claim(name, hashlib.sha256(b"vicino claim key 1 " + plain.encode()).digest())


def request_proof(key: bytes, asked: EnrolRequest) -> str:
    """Return the proof that the box knows the code, over what it asks."""
    return _proof(key, "box", asked.claim, asked.request)


def answer_proof(key: bytes, asked: EnrolRequest, given: Enrolled) -> str:
    """Return the proof that the server knows the code, over what was asked and is given."""
    said = (given.gateway, given.broker, given.authority, given.certificate)
    return _proof(key, "server", asked.claim, asked.request, *said)


def is_proof(given: str, expected: str) -> bool:
    """Compare two proofs in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _proof(key: bytes, *said: str) -> str:
    return hmac.new(key, msgspec.json.encode(said), hashlib.sha256).hexdigest()
