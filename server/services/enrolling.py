"""How a box becomes a gateway by a claim code, and how its certificate is given anew.

Whoever asks is a machine that nobody knows yet: every refusal is the same ``NotPermitted``, and
its text stays here. A repetition of what was granted is granted again: the answer may have been
lost, or the box's power.
"""

import re
from typing import Final

from msgspec.structs import replace

from contract import enrolment as wire
from contract.topics import GATEWAY_ID
from server.authority import INTAKE
from server.domain.instants import DAY
from server.errors import IllegalTransition, NotPermitted, WrongInput
from server.ports.directory import User
from server.ports.enrolment import ClaimRow, Identity, Issuer
from server.ports.store import Transaction
from server.services.fleet import own_box
from server.services.matters import clear_matter

CLAIM_LASTS: Final = DAY
AGREEMENT_LASTS: Final = DAY


def make_claim(tx: Transaction, gateway: str, chc_id: int, code: str, *, by: str, now: int) -> None:
    """Let the box that knows ``code`` become this gateway, within a day.

    Raises ``WrongInput`` for a name that no new gateway may have: an older box of that name, with
    a key that is not known here, would be believed beside it.
    """
    if not re.fullmatch(GATEWAY_ID, gateway) or gateway == INTAKE:
        raise WrongInput("gateway: 1 to 63 of a-z, 0-9 and -")
    known = tx.enrolment.identity(gateway)
    if known is not None and not _is_free(known, chc_id):
        raise WrongInput(f"gateway: {gateway} is taken; a new box has a name of its own")
    tx.directory.add_gateway(gateway, chc_id, now, None)
    claim = wire.claim_of(code)
    tx.enrolment.add_claim(
        ClaimRow(claim.name, chc_id, gateway, claim.key, now + CLAIM_LASTS, None)
    )
    tx.audit(by, "gateway-claimable", now, chc_id=chc_id, detail=gateway)


def _is_free(known: Identity, chc_id: int) -> bool:
    """Tell whether no box was ever this gateway, as far as is known."""
    used = (known.revoked_at, known.last_seen_at, known.key_fingerprint)
    return known.chc_id == chc_id and used == (None, None, None)


def enrol(tx: Transaction, asked: wire.EnrolRequest, issuer: Issuer, now: int) -> wire.Enrolled:
    """Certify the key of a box that knows a claim code. Raises ``NotPermitted``."""
    claim = tx.enrolment.claim(asked.claim)
    if claim is None or now >= claim.ends_at:
        raise NotPermitted("no such claim")
    if not wire.is_proof(asked.proof, wire.request_proof(claim.key, asked)):
        raise NotPermitted(f"gateway {claim.gateway_id}: proved by another code")
    key = issuer.key_of(asked.request)
    if claim.key_fingerprint not in (None, key):
        raise NotPermitted(f"gateway {claim.gateway_id}: its code was used for another key")
    known = tx.enrolment.identity(claim.gateway_id)
    if known is None or known.revoked_at is not None:
        raise NotPermitted(f"gateway {claim.gateway_id}: has no access any more")
    certificate = _certify(tx, known, key, asked.request, issuer, now)
    if claim.key_fingerprint is None:
        tx.enrolment.use_claim(claim.name, key)
        _record(tx, known, "gateway-enrolled", f"{known.id}: key {key}", now)
    given = wire.Enrolled(known.id, issuer.broker, issuer.authority, certificate)
    return replace(given, proof=wire.answer_proof(claim.key, asked, given))


def renew(tx: Transaction, asked: wire.RenewRequest, issuer: Issuer, now: int) -> wire.Renewed:
    """Certify a gateway's key anew; once its certificate has ended, only if a person has agreed.

    Raises ``NotPermitted`` for any other key, and for a gateway that has no access any more.
    """
    known = tx.enrolment.identity(asked.gateway)
    if known is None or known.revoked_at is not None or known.key_fingerprint is None:
        raise NotPermitted(f"gateway {asked.gateway}: has no key that is renewed")
    if issuer.key_of(asked.request) != known.key_fingerprint:
        raise NotPermitted(f"gateway {asked.gateway}: asks with another key")
    if now >= max(known.certified_until or 0, known.agreed_until or 0):
        if known.asks_since is None:
            tx.enrolment.note_asking(known.id, now)
            _record(tx, known, "gateway-asks-again", known.id, now)
        return wire.Renewed()
    certificate = _certify(tx, known, known.key_fingerprint, asked.request, issuer, now)
    _record(tx, known, "gateway-renewed", known.id, now)
    return wire.Renewed(certificate)


def agree(tx: Transaction, user: User, gateway: str, now: int) -> None:
    """Let a gateway whose certificate has ended have one again, within a day.

    Raises ``NotFound`` beyond the user's CHC, ``IllegalTransition`` for one that does not ask.
    """
    own_box(tx, user, gateway)
    known = tx.enrolment.identity(gateway)
    if known is None or known.revoked_at is not None or known.asks_since is None:
        raise IllegalTransition(f"gateway {gateway} does not ask to be let in again")
    tx.enrolment.agree(gateway, now + AGREEMENT_LASTS)
    tx.audit(user.name, "gateway-let-in-again", now, chc_id=known.chc_id, detail=gateway)


def _certify(
    tx: Transaction, known: Identity, key: str, request: str, issuer: Issuer, now: int
) -> str:
    certified = issuer.certify(known.id, request, now)
    tx.enrolment.certify(known.id, key, certified.ends_at)
    clear_matter(tx, subject=f"gateway:{known.id}", rule="certificate-near-end", now=now)
    return certified.certificate


def _record(tx: Transaction, known: Identity, what: str, detail: str, now: int) -> None:
    tx.audit("gateway", what, now, chc_id=known.chc_id, detail=detail)
