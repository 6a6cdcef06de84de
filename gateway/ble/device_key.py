"""The key of this box, for devices that let themselves be read with one only."""

import logging
import secrets
from pathlib import Path
from typing import Final

from gateway.files import write_whole

_log = logging.getLogger(__name__)
_NAME: Final = "device-key"
_BYTES: Final = 16


def device_key(state_dir: Path) -> bytes:
    """Return the key, made at its first use. With another state, devices must be paired anew.

    A file that holds no key (a power cut, a card that fails) is replaced, and said.
    """
    path = state_dir / _NAME
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return _made(path)
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        _log.error("%s: is damaged: a new key is made, some devices must be paired anew", path)
        return _made(path)
    return key


def _made(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_bytes(_BYTES)
    write_whole(path, key.hex().encode(), 0o600)
    return key
