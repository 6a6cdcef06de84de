"""Receivers of messages on real sockets: an SMTP server, and HTTP ones that fail, stall and lie."""

import asyncio
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """An aiosmtpd handler that keeps what it takes; ``answer`` is what it says to a letter."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.answer: str | None = "250 taken"
        self.took: Callable[[], None] = lambda: None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        parsed = message_from_bytes(cast("bytes", envelope.content), policy=default)
        if self.answer is None:
            await asyncio.sleep(60)
        if self.answer and self.answer.startswith("250"):
            self.letters.append(parsed)
            self.took()
        return self.answer or ""


@contextmanager
def smtp_server(mailbox: Mailbox) -> Iterator[int]:
    """Run a real SMTP server, and yield its port."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


class Web:
    """An HTTP receiver that behaves as told, and keeps the bodies it was sent whole."""

    def __init__(self, behaviour: str) -> None:
        self.behaviour = behaviour
        self.bodies: list[bytes] = []
        self.asked = 0
        self.closing = threading.Event()


@contextmanager
def web_server(web: Web) -> Iterator[int]:
    """Run an HTTP receiver, and yield its port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _receive(web, self.rfile, self.wfile)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A sender that was ended is no fault of the receiver."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            web.closing.set()
            server.shutdown()
            thread.join()


def _receive(web: Web, read: Any, write: Any) -> None:
    length = 0
    while (line := read.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    body = read.read(length)
    web.asked += 1
    if web.behaviour == "stalls":
        web.closing.wait(60)
    elif web.behaviour == "trickles":
        while not web.closing.wait(1):
            write.write(b"H")
            write.flush()
    elif web.behaviour == "fails":
        write.write(b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    elif web.behaviour == "garbage":
        write.write(b"\x00\xff 200 OK fine\r\n\r\n")
    elif web.behaviour == "closes":
        pass  # took it all, and hangs up without a word
    else:
        web.bodies.append(body)
        write.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
