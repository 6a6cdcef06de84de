"""Measurements for tests that do not care what is in them."""

from contract.messages import Measurement


def make(epoch: str, seq: int) -> Measurement:
    return Measurement(
        seq=seq,
        content_id=f"{seq:016x}{epoch[:16]}",
        device="C0:00:00:00:00:01",
        profile="generic_heart_rate_strap",
        characteristic="2a37",
        raw="0648",
        quantities=[],
        received_at=1_700_000_000_000 + seq,
        monotonic_ms=seq,
        boot_id="boot",
        clock="synchronised",
        origin="device",
    )
