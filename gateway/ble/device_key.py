"""The key of this box, for devices that let themselves be read with one only."""

import secrets
from pathlib import Path
from typing import Final

_NAME: Final = "device-key"
_BYTES: Final = 16


def device_key(state_dir: Path) -> bytes:
    """Return the key, made at its first use. With another state, devices must be paired anew."""
    path = state_dir / _NAME
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(_BYTES), encoding="ascii")
    return bytes.fromhex(path.read_text(encoding="ascii"))
