"""Boxes at the server's door: openssl makes their keys, the real application answers."""

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from contract.enrolment import EnrolRequest, claim_of, request_proof
from server import authority
from server.domain.instants import DAY
from server.errors import BrokerUnavailable
from server.web.pace import IN_ALL_MAX, PER_ADDRESS_MAX, WINDOW, Pace
from tests.server.web.district import HOUR, District

P256 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
WEAK = {
    "another curve": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"),
    "RSA": ("-newkey", "rsa:2048"),
    "weak RSA": ("-newkey", "rsa:1024"),
    "Ed25519": ("-newkey", "ed25519"),
}


@pytest.fixture
def made(district: District) -> District:
    at = datetime.fromtimestamp(district.now / 1000, UTC)
    authority.make_authority(district.path / "keys", at)
    return district


def request_of(folder: Path, name: str = "a", kind=P256, subject: str = "/CN=gw-1") -> str:
    """Return the signing request of the key ``name``, made at its first use."""
    key = folder / f"{name}.pem"
    known = ("-key", key) if key.exists() else (*kind, "-noenc", "-keyout", key)
    command = ("openssl", "req", "-new", *known, "-subj", subject)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def code_for(district: District, gateway: str, by: str = "tito") -> str:
    page = district.browser(by).post("/claims", {"gateway": gateway})
    assert page.status_code == 200, page.text
    found = re.search(r"data-code><strong>([A-Z2-9-]{23})<", page.text)
    assert found
    return found[1]


def ask(district: District, path: str, body: dict[str, str]) -> httpx.Response:
    browser = district.browser()
    return district.runner.run(browser.client.post(path, json=body))


def enrol(district: District, code: str, request: str) -> httpx.Response:
    claim = claim_of(code)
    asked = EnrolRequest(claim.name, request, "0" * 64)
    proof = request_proof(claim.key, asked)
    body = {"claim": claim.name, "request": request, "proof": proof}
    return ask(district, "/gateways/enrol", body)


def renew(district: District, request: str, gateway: str = "gw-7") -> httpx.Response:
    return ask(district, "/gateways/renew", {"gateway": gateway, "request": request})


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json() == {"error": "refused"}


def ends(answer: httpx.Response) -> int:
    certificate = x509.load_pem_x509_certificate(answer.json()["certificate"].encode())
    return int(certificate.not_valid_after_utc.timestamp() * 1000)


def test_a_code_makes_a_box_a_gateway_for_ninety_days_whatever_name_it_asks_for(
    made: District, tmp_path: Path
):
    code = code_for(made, "gw-7")
    answer = enrol(made, code, request_of(tmp_path, subject="/CN=gw-1/O=Evil"))
    said = answer.json()
    assert said["gateway"] == "gw-7"
    certificate = x509.load_pem_x509_certificate(said["certificate"].encode())
    assert certificate.subject.rfc4514_string() == "CN=gw-7"
    assert abs(ends(answer) - made.now - 90 * DAY) < 1000
    assert made.access.admitted == ["gw-7"]
    der = ("openssl", "pkey", "-in", tmp_path / "a.pem", "-pubout", "-outform", "DER")
    public = subprocess.run(der, capture_output=True, check=True).stdout
    digest = subprocess.run(
        ("openssl", "dgst", "-sha256"), input=public, capture_output=True, check=True
    ).stdout.decode()
    mark = digest.split()[-1][:16]
    shown = " ".join(mark[at : at + 4] for at in range(0, 16, 4))
    assert shown in made.browser("anna").get("/fleet/gw-7").text
    said_of = made.world.rows("select who, what from audit where what like 'gateway-%' order by id")
    assert said_of == [("tito", "gateway-claimable"), ("gateway", "gateway-enrolled")]
    kept = made.world.rows("select name, hex(key) from claims")
    assert code.replace("-", "") not in str(kept)


def test_an_answer_that_was_lost_is_given_again_to_the_same_key_only(
    made: District, tmp_path: Path
):
    code = code_for(made, "gw-7")
    for _ in range(2):
        assert enrol(made, code, request_of(tmp_path)).status_code == 200
    assert refused(enrol(made, code, request_of(tmp_path, "b")))
    enrolled = made.world.rows("select count(*) from audit where what = 'gateway-enrolled'")
    assert enrolled == [(1,)]


def test_a_broker_that_is_away_does_not_take_the_certificate_back(made: District, tmp_path: Path):
    made.access.error = BrokerUnavailable("no answer")
    assert enrol(made, code_for(made, "gw-7"), request_of(tmp_path)).status_code == 200


def test_a_wrong_or_old_code_a_wrong_proof_and_no_json_get_the_same_answer(
    made: District, tmp_path: Path
):
    code, request = code_for(made, "gw-7"), request_of(tmp_path)
    assert refused(enrol(made, "AAAAA-AAAAA-AAAAA-AAAAA", request))
    proof = {"claim": claim_of(code).name, "request": request, "proof": "0" * 64}
    assert refused(ask(made, "/gateways/enrol", proof))
    assert refused(ask(made, "/gateways/enrol", {"claim": "x"}))
    assert refused(ask(made, "/gateways/enrol", {**proof, "request": "x" * 5000}))
    later = code_for(made, "gw-7")
    assert refused(enrol(made, code, request)), "a newer code takes the older one's place"
    made.now += DAY
    assert refused(enrol(made, later, request))
    assert made.access.admitted == []
    assert made.world.rows("select key_fingerprint from gateways where id = 'gw-7'") == [(None,)]
    (count,) = made.world.rows("select count(*) from audit where what = 'enrolment-refused'")[0]
    assert count == 6


@pytest.mark.parametrize("kind", WEAK)
def test_only_a_p256_key_is_certified(made: District, tmp_path: Path, kind: str):
    request = request_of(tmp_path, kind=WEAK[kind])
    assert refused(enrol(made, code_for(made, "gw-7"), request))


def test_a_request_changed_on_its_way_is_refused(made: District, tmp_path: Path):
    code = code_for(made, "gw-7")
    lines = request_of(tmp_path).splitlines()
    lines[2] = lines[2][::-1]
    assert refused(enrol(made, code, "\n".join(lines) + "\n"))


def test_a_gateway_is_renewed_with_its_own_key_and_with_no_other(made: District, tmp_path: Path):
    first = enrol(made, code_for(made, "gw-7"), request_of(tmp_path))
    made.now += 60 * DAY
    assert ends(renew(made, request_of(tmp_path))) - ends(first) == 60 * DAY
    assert refused(renew(made, request_of(tmp_path, "b")))
    assert refused(renew(made, request_of(tmp_path), "gw-1"))
    assert refused(renew(made, request_of(tmp_path), "gw-99"))


def test_one_that_was_revoked_is_neither_enrolled_nor_renewed(made: District, tmp_path: Path):
    code = code_for(made, "gw-7")
    enrol(made, code, request_of(tmp_path))
    form = {"successor": "-", "reason": "Stolen", "sure": "yes"}
    made.browser("tito").post("/fleet/gw-7/revoke", form)
    assert refused(renew(made, request_of(tmp_path)))
    assert refused(enrol(made, code, request_of(tmp_path)))
    answer = made.browser("tito").post("/claims", {"gateway": "gw-7"})
    assert answer.status_code == 422


def test_one_that_was_away_past_its_end_waits_for_a_person(made: District, tmp_path: Path):
    enrol(made, code_for(made, "gw-7"), request_of(tmp_path))
    anna = made.browser("anna")
    assert anna.post("/fleet/gw-7/let-in").status_code == 409, "it does not ask"
    made.now += 91 * DAY
    made.beat(made.now)
    for _ in range(2):
        answer = renew(made, request_of(tmp_path))
        assert (answer.status_code, answer.json()["certificate"]) == (202, None)
    with made.store.write() as tx:
        tx.directory.set_duty(1, None)
    anna = made.browser("anna")
    assert "It asks to be let in again" in anna.get("/fleet/gw-7").text
    assert "done=gateway-let-in" in anna.post("/fleet/gw-7/let-in").headers["location"]
    assert ends(renew(made, request_of(tmp_path))) > made.now + 89 * DAY
    assert "It asks to be let in again" not in anna.get("/fleet/gw-7").text
    who = made.world.rows("select who, what from audit where what like 'gateway-%' order by id")
    assert who[2:] == [
        ("gateway", "gateway-asks-again"),
        ("anna", "gateway-let-in-again"),
        ("gateway", "gateway-renewed"),
    ]


def test_an_agreement_is_good_for_a_day(made: District, tmp_path: Path):
    enrol(made, code_for(made, "gw-7"), request_of(tmp_path))
    made.now += 91 * DAY
    renew(made, request_of(tmp_path))
    made.browser("tito").post("/fleet/gw-7/let-in")
    made.now += 25 * HOUR
    assert renew(made, request_of(tmp_path)).status_code == 202


@pytest.mark.parametrize("name", ["gw-1", "gw-2", "Maria", "vicino-intake", "", "x" * 64])
def test_no_code_is_made_for_a_name_that_is_taken_or_cannot_be(made: District, name: str):
    made.measure({"systolic": "120"})
    with made.store.write() as tx:
        tx.measurements.seen_gateway("gw-1", made.now, 0, {})
    answer = made.browser("ada").post("/claims", {"gateway": name})
    assert answer.status_code == 422
    assert "no name that another box has had" in answer.text


def test_whoever_asks_too_often_is_refused_even_with_the_right_code(made: District, tmp_path: Path):
    code, request = code_for(made, "gw-7"), request_of(tmp_path)
    for _ in range(PER_ADDRESS_MAX):
        ask(made, "/gateways/enrol", {})
    assert refused(enrol(made, code, request))
    made.now += WINDOW
    assert enrol(made, code, request).status_code == 200


def test_what_is_too_large_is_not_read(made: District):
    answer = ask(made, "/gateways/enrol", {"claim": "x" * 70_000})
    assert answer.status_code == 413


def test_many_addresses_are_bounded_together():
    pace = Pace()
    assert [pace.allows(str(at), 0) for at in range(IN_ALL_MAX + 5)].count(False) == 5
    assert not pace.allows("another", WINDOW - 1)
    assert pace.allows("another", WINDOW)


def test_the_answer_is_json_that_openssl_reads(made: District, tmp_path: Path):
    answer = enrol(made, code_for(made, "gw-7"), request_of(tmp_path))
    said = json.loads(answer.content)
    (tmp_path / "ca.crt").write_text(said["authority"])
    (tmp_path / "gw.crt").write_text(said["certificate"])
    at = str(made.now // 1000)
    command = ("openssl", "verify", "-attime", at, "-purpose", "sslclient", "-x509_strict",
               "-CAfile", tmp_path / "ca.crt", tmp_path / "gw.crt")  # fmt: skip
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
