"""In the guest: virtual devices on a virtual controller under BlueZ, and the gateway beside them.

Runs the scenarios that ``/results/wanted.json`` names and writes what became of each to
``/results/found.json``: null, or the traceback.
"""

import asyncio
import fcntl
import json
import socket
import struct
import sys
import traceback
from pathlib import Path

from tests.bluez.home import Home
from tests.bluez.scenarios import SCENARIOS

RESULTS = Path("/results")
_SECONDS = 240
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1


def _loopback_up() -> None:
    """Bring 127.0.0.1 up (netdevice(7)): the guest has no program for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


async def main() -> None:
    """Run them one after the other, each with a gateway of its own."""
    _loopback_up()
    wanted = json.loads((RESULTS / "wanted.json").read_text())
    found: dict[str, str | None] = {}
    async with Home(RESULTS) as home:
        print("the home is ready", flush=True)
        for name in wanted:
            print(f"scenario {name}", flush=True)
            try:
                async with asyncio.timeout(_SECONDS), home.gateway(name):
                    await SCENARIOS[name](home)
            except Exception:  # noqa: BLE001 - whatever it is goes back to the host
                found[name] = traceback.format_exc()
            else:
                found[name] = None
            print(f"scenario {name}: {'failed' if found[name] else 'passed'}", flush=True)
            (RESULTS / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
