"""A server process of its own, set up by its own commands and asked through its own pages."""

import http.cookiejar
import json
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from simulators.tether import tethered

_START_SECONDS: Final = 120.0  # the rules may have to be compiled first
_STOP_SECONDS: Final = 20.0


class ServerFailed(Exception):
    """The server process or one of its commands did not do what it should."""


class ServerProcess:
    """``vicino-server run`` in a folder of its own, on 127.0.0.1."""

    def __init__(self, folder: Path, port: int, broker_port: int) -> None:
        """Write the settings; nothing is started."""
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        self.broker = f"mqtts://127.0.0.1:{broker_port}"
        self.settings = folder / "server.toml"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        lines = ['data_dir = "data"', f"http_port = {port}", f"broker_port = {broker_port}"]
        self.settings.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def pid(self) -> int:
        """The process's id; it must have been started."""
        assert self._process is not None  # noqa: S101 - the caller's mistake
        return self._process.pid

    def command(self, *words: str, records: Sequence[dict[str, Any]] = ()) -> list[str]:
        """Run ``vicino-server`` with records on its standard input; return its output's lines."""
        lines = "".join(json.dumps(record) + "\n" for record in records)
        call = [sys.executable, "-m", "server", *words, "--settings", str(self.settings)]
        done = subprocess.run(call, input=lines, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServerFailed(f"vicino-server {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def start(self) -> None:
        """Start the server and wait until it is healthy; it ends with the calling thread."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self._port))
            except OSError as error:
                raise ServerFailed(f"port {self._port} is taken: choose another") from error
        with (self.folder / "server.log").open("ab") as log:
            call = [sys.executable, "-m", "server", "run", "--settings", str(self.settings)]
            # A session of its own: Ctrl-C in the terminal must not reach it before us.
            self._process = subprocess.Popen(
                tethered(call), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            if (self.health() or {}).get("status") == "ok":
                return
            time.sleep(0.1)
        raise ServerFailed(f"the server did not start: see {self.folder / 'server.log'}")

    def kill(self) -> None:
        """Kill the process as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait(self, seconds: float) -> int:
        """Wait until the process has ended; return its status."""
        assert self._process is not None  # noqa: S101 - the caller's mistake
        return self._process.wait(seconds)

    def stop(self) -> None:
        """Ask the server to stop; kill it when it does not."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def health(self) -> dict[str, Any] | None:
        """Ask ``/health``; None while nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.load(error))
        except (OSError, ValueError):
            return None


class Visitor:
    """A member of staff with a browser that only reads."""

    def __init__(self, url: str, name: str, password: str) -> None:
        """Sign in. Raises ``ServerFailed`` when the server refuses."""
        self._url = url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar)
        self._opener.addheaders = [("Origin", url)]
        page = self.get("/sign-in")
        fields = {"name": name, "password": password}
        if token := re.search(r'name="csrf" value="([^"]+)"', page):
            fields["csrf"] = token[1]
        body = urllib.parse.urlencode(fields).encode()
        with self._opener.open(f"{url}/sign-in", body, timeout=20) as answer:
            if answer.url.endswith("/sign-in"):
                raise ServerFailed(f"{name} could not sign in")

    def get(self, path: str) -> str:
        """Return a page."""
        with self._opener.open(self._url + path, timeout=20) as answer:
            return str(answer.read().decode())

    def alerted_patients(self) -> set[int]:
        """Return the patients with a row on the worklist."""
        return {
            int(number) for number in re.findall(r'href="/patients/(\d+)', self.get("/worklist"))
        }


def password() -> str:
    """Make a password for one demonstration."""
    return secrets.token_urlsafe(12)
