"""Resident memory of a gateway process with ``radio = "bluez"``: all imported and wired, idle."""

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from benchmarks.table import Row

LIMIT_MB: Final = 60.0
SETTLE_SECONDS: Final = 8.0
SETTINGS: Final = """
gateway = "bench"
broker = "mqtts://127.0.0.1:9"
ca_file = "bench.crt"
certificate_file = "bench.crt"
key_file = "bench.key"
state_dir = "state"
radio = "bluez"
"""


def write_certificate(directory: Path) -> None:
    """Write a self-signed certificate: nothing is ever connected with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    (directory / "bench.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "bench.key").write_bytes(encoded)


def resident_mb(pid: int) -> float:
    """Return the process's resident memory in MB (10^6 bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kibibytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return kibibytes * 1024 / 1e6


def run(reduced: bool) -> list[Row]:
    """Start a gateway, let it settle, look."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write_certificate(directory)
        (directory / "gateway.toml").write_text(SETTINGS)
        command = [sys.executable, "-m", "gateway", "run", "--settings", folder + "/gateway.toml"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            time.sleep(SETTLE_SECONDS)
            alive = process.poll() is None
            measured = resident_mb(process.pid) if alive else float("inf")
            process.terminate()
    note = "all imported and wired, idle" if alive else "the gateway ended by itself"
    return [Row("gateway memory, MB", measured, LIMIT_MB, at_least=False, note=note)]
