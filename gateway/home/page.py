"""A page for whoever stands before the box: what it says is in ``words``; it asks for nothing.

It is served in plain HTTP within the home, and tells nothing that the lamp does not: no name, no
value, no address of a device.
"""

import logging
import threading
from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, urlsplit

from gateway.heartbeat import Status
from gateway.home import words
from gateway.home.situation import Situation

_log = logging.getLogger(__name__)
_SECONDS_MAX: Final = 5.0  # of a visitor who says nothing
_VISITORS_MAX: Final = 8
_REFRESH_SECONDS: Final = 10
_SIGNS: Final = {
    Situation.SENT: ("✓", "#1b6e3c"),
    Situation.SENDING: ("↑", "#1b6e3c"),
    Situation.WAITS: ("…", "#8a5a00"),
    Situation.HELP: ("!", "#b00020"),
}
_PAGE: Final = """<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="{refresh}"><title>{title}</title>
<style>
body {{ font: 1.5rem/1.4 sans-serif; margin: 1rem auto; max-width: 34rem; padding: 0 1rem; }}
.sign {{ color: #fff; background: {colour}; border-radius: 50%; display: inline-block;
  width: 5rem; line-height: 5rem; text-align: center; font-size: 3rem; margin: 0; }}
h1 {{ font-size: 1.7rem; }}
nav a, nav strong {{ margin-right: 1rem; }} footer {{ margin-top: 1.5rem; font-size: 1.2rem; }}
</style></head>
<body><nav>{choices}</nav>
<main><h1>{title}</h1><p class="sign" aria-hidden="true">{sign}</p>
<p><strong>{said}</strong></p><p>{last}</p>{waiting}</main>
<footer>{emergency}</footer></body></html>
"""

Now = Callable[[], tuple[Status, Situation] | None]


class HomePage:
    """Serves the page from threads of its own; ``now`` is called from them."""

    def __init__(self, address: tuple[str, int], now: Now) -> None:
        """Bind. Raises ``OSError`` where the address is not to be had."""
        handler = type("Handler", (_Handler,), {"now": staticmethod(now)})
        self._server = _Server(address, handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._places = threading.BoundedSemaphore(_VISITORS_MAX)
        super().__init__(address, handler)

    def process_request(self, request: object, client_address: object) -> None:
        """Answer in a thread; whoever comes while all are taken is turned away."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)  # type: ignore[arg-type]  # a socket, as it came
            return
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Give the place back when done."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a visitor who left."""


class _Handler(BaseHTTPRequestHandler):
    now: Now
    timeout = _SECONDS_MAX
    server_version, sys_version = "Vicino", ""

    def do_GET(self) -> None:
        """Answer with the page, in the language that is asked for."""
        address = urlsplit(self.path)
        if address.path != "/":
            self.send_error(404)
            return
        asked = parse_qs(address.query).get("language", [""])[0]
        accepted = self.headers.get("Accept-Language", "")
        language = asked if asked in words.LANGUAGES else words.preferred(accepted)
        found = self.now()
        if found is None:
            self.send_error(503)
            return
        body = page(language, *found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Keep no record of who looks at the box."""


def page(language: str, status: Status, how: Situation) -> str:
    """Write the page."""
    sign, colour = _SIGNS[how]
    last = status.last_measurement_at
    when = words.ago(language, (status.written_at - last) / 1000) if last is not None else ""
    depth = status.outbox_depth
    return _PAGE.format(
        language=language,
        refresh=_REFRESH_SECONDS,
        title=escape(words.TITLE[language]),
        choices=" ".join(_choice(code, name, language) for code, name in words.LANGUAGES.items()),
        sign=sign,
        colour=colour,
        said=escape(words.SITUATIONS[language][how]),
        last=escape(words.LAST[language].format(when=when) if when else words.NONE_YET[language]),
        waiting=f"<p>{escape(words.WAITING[language].format(count=depth))}</p>" if depth else "",
        emergency=escape(words.EMERGENCY[language]),
    )


def _choice(code: str, name: str, chosen: str) -> str:
    if code == chosen:
        return f'<strong aria-current="true">{name}</strong>'
    return f'<a href="/?language={code}" lang="{code}">{name}</a>'
