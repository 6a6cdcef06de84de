"""Fifty homes whose gateways publish: in the benchmark's process to fill a session, and in one of
their own to keep up a steady rate, so that they take no time from the intake that is measured.
"""

import json
import ssl
import sys
import time
from pathlib import Path

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract import topics
from server.clock import now_ms

HOMES = 50
BREACH_EVERY = 50


def address(home: int) -> str:
    """Return the address of a home's cuff."""
    return f"AA:BB:CC:00:{home >> 8:02X}:{home & 255:02X}"


def connected(
    name: str, keys: Path, broker: tuple[str, int], certificate: str = "intake"
) -> paho.Client:
    """Make a client with a persistent session; the caller connects it."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=name,
        clean_session=False,
        protocol=MQTTProtocolVersion.MQTTv311,
    )
    tls = ssl.create_default_context(cafile=str(keys / "ca.crt"))
    tls.load_cert_chain(keys / f"{certificate}.crt", keys / f"{certificate}.key")
    client.tls_set_context(tls)
    client.max_inflight_messages_set(5000)
    return client


class Homes:
    """The publishing side; ``seqs`` is each home's last seq."""

    def __init__(self, keys: Path, broker: tuple[str, int], seqs: list[int]) -> None:
        self.seqs = seqs
        self._clients = [
            connected(f"bench-{home}-pub", keys, broker, f"bench-{home}") for home in range(HOMES)
        ]
        for client in self._clients:
            client.connect(*broker)
            client.loop_start()

    def close(self) -> None:
        for client in self._clients:
            client.disconnect()
            client.loop_stop()

    def publish(self, count: int) -> None:
        """Publish calm measurements and wait until the broker has them."""
        waiting = [
            self._clients[number % HOMES].publish(*self._message(number % HOMES, 130), qos=1)
            for number in range(count)
        ]
        for one in waiting:
            one.wait_for_publish(60)

    def keep_up(self, rate: float, seconds: float) -> None:
        """Publish at a steady rate; one in ``BREACH_EVERY`` is beyond its limit."""
        start, number = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - start) < seconds:
            while number < elapsed * rate:
                home, breach = number % HOMES, number % BREACH_EVERY == 0
                message = self._message(home, 190 if breach else 130)
                self._clients[home].publish(*message, qos=1)
                number += 1
            time.sleep(0.002)

    def _message(self, home: int, systolic: int) -> tuple[str, bytes]:
        self.seqs[home] += 1
        seq, now = self.seqs[home], now_ms()
        quantities = [
            {"code": "systolic", "unit": "mm[Hg]", "value": str(systolic)},
            {"code": "diastolic", "unit": "mm[Hg]", "value": "80"},
            {"code": "pulse", "unit": "/min", "value": "70"},
        ]
        measurement = {
            "type": "measurement", "seq": seq, "content_id": f"{home:016x}{seq:016x}",
            "device": address(home), "profile": "generic_blood_pressure", "characteristic": "2a35",
            "raw": "1e84005000620000ea07070a080f0046000100000000", "quantities": quantities,
            "received_at": now, "monotonic_ms": seq, "boot_id": "b", "clock": "synchronised",
            "origin": "device",
        }  # fmt: skip
        envelope = {
            "type": "measurements", "gateway": f"bench-{home}", "epoch": f"{home:032x}",
            "seq": seq, "measurements": [measurement],
        }  # fmt: skip
        return topics.up(f"bench-{home}"), json.dumps(envelope).encode()


def main() -> None:
    """Keep up a rate: KEYS HOST PORT RATE SECONDS SEQS; print the last seqs."""
    keys, host, port, rate, seconds, seqs = sys.argv[1:]
    homes = Homes(Path(keys), (host, int(port)), json.loads(seqs))
    homes.keep_up(float(rate), float(seconds))
    time.sleep(1)  # what is in flight leaves
    homes.close()
    print(json.dumps(homes.seqs))


if __name__ == "__main__":
    main()
