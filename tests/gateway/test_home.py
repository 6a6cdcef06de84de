"""What the box says to the people of the home: a page, and a lamp by a program; never a value."""

import asyncio
import http.client
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.heartbeat import Status
from gateway.home import Home, Situation, situation, words
from gateway.home.lamp import Lamp
from gateway.home.page import HomePage, page
from gateway.settings import SettingsError, load
from tests.gateway.test_gateway_settings import GOOD

NOW = 1_790_000_000_000
FINE = Status(
    gateway="gw-001",
    epoch="0" * 32,
    stored=4,
    receipted=4,
    outbox_depth=0,
    set_aside=0,
    damaged_files=0,
    last_measurement_at=NOW - 5_000,
    broker="connected",
    receipts="coming",
    radio="scanning",
    clock="synchronised",
    pid=1,
    written_at=NOW,
)


@pytest.mark.parametrize(
    ("status", "is_well", "expected"),
    [
        (FINE, True, Situation.SENT),
        (replace(FINE, outbox_depth=1), True, Situation.SENDING),
        (replace(FINE, outbox_depth=1, broker="not connected"), True, Situation.WAITS),
        (replace(FINE, outbox_depth=1, receipts="missing"), True, Situation.WAITS),
        (replace(FINE, outbox_depth=1, last_measurement_at=NOW - 61_000), True, Situation.WAITS),
        (replace(FINE, broker="not connected"), True, Situation.SENT),
        (FINE, False, Situation.HELP),
        (replace(FINE, outbox_depth=1), False, Situation.HELP),
    ],
)
def test_one_of_four_words_says_how_things_are(status, is_well, expected) -> None:
    """A broker's acknowledgement is no "sent": only what has its receipt is."""
    assert situation(status, is_well=is_well) is expected


@pytest.mark.parametrize("language", list(words.LANGUAGES))
@pytest.mark.parametrize("how", list(Situation))
def test_the_page_says_it_in_every_language_and_names_112(language: str, how: Situation) -> None:
    made = page(language, replace(FINE, outbox_depth=2), how)
    assert f'lang="{language}"' in made
    assert "112" in made
    assert len({words.SITUATIONS[one][how] for one in words.LANGUAGES}) == len(words.LANGUAGES)
    assert FINE.gateway not in made


def test_how_long_ago_is_said_in_words() -> None:
    said = [words.ago("en", seconds) for seconds in (0, 119, 120, 7_199, 7_200, 172_799, 172_800)]
    assert said == [
        "just now",
        "just now",
        "2 minutes ago",
        "119 minutes ago",
        "2 hours ago",
        "47 hours ago",
        "2 days ago",
    ]


@pytest.fixture
def served():
    found = [(FINE, Situation.SENT)]
    made = HomePage(("127.0.0.1", 0), lambda: found[0])
    made.start()
    yield made
    made.stop()


def ask(port: int, path: str = "/", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(
            "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_browser_is_answered_in_its_language_or_the_one_it_asks_for(served: HomePage) -> None:
    assert "Tutto inviato" in ask(served.port)[1]
    assert "Tout est envoyé" in ask(served.port, Accept_Language="fr-CH, en;q=0.5")[1]
    assert "All sent" in ask(served.port, "/?language=en", Accept_Language="fr")[1]
    status, text = ask(served.port, "/?language=<script>")
    assert status == 200
    assert "<script>" not in text
    assert ask(served.port, "/../../etc/passwd")[0] == 404


def test_visitors_who_say_nothing_keep_nobody_else_out_for_long(served: HomePage) -> None:
    silent = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(8)]
    try:
        with pytest.raises((ConnectionError, http.client.HTTPException)):  # noqa: PT012
            for _ in range(20):
                ask(served.port)
    finally:
        for one in silent:
            one.close()
    for _ in range(100):
        try:
            assert ask(served.port)[0] == 200
            break
        except (ConnectionError, http.client.HTTPException):
            continue
    else:
        pytest.fail("nobody is answered any more")


def test_an_address_that_is_taken_costs_the_page_and_nothing_else(tmp_path, keys, caplog) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        home = Home(settings_of(tmp_path, keys, f'page = "127.0.0.1:{port}"'))
    assert home.page is None
    assert "the home has none" in caplog.text


def settings_of(tmp_path: Path, keys: Path, line: str):
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD.format(keys=keys) + f"\n{line}\n")
    return load(path)


@pytest.mark.parametrize("text", ["8080", "localhost:8080", "127.0.0.1", "[::1]:8080"])
def test_an_address_of_the_page_is_four_numbers_and_a_port(tmp_path, keys, text: str) -> None:
    with pytest.raises(SettingsError, match="page"):
        settings_of(tmp_path, keys, f'page = "{text}"')


async def test_the_lamp_shows_what_is_new_and_each_measurement(tmp_path: Path) -> None:
    heard, program = tmp_path / "heard", tmp_path / "lamp"
    program.write_text(f'#!/bin/sh\necho "$@" >> {heard}\n')
    program.chmod(0o755)
    lamp = Lamp(program)
    task = asyncio.create_task(lamp.run())

    async def said(lines: list[str]) -> None:
        async with asyncio.timeout(10):
            while not heard.exists() or heard.read_text().split() != lines:
                await asyncio.sleep(0.02)

    lamp.show(Situation.SENT)
    await said(["sent"])
    for _ in range(5):
        lamp.show(Situation.SENT)
    lamp.received()
    lamp.show(Situation.SENDING)
    await said(["sent", "received", "sending"])
    lamp.show(Situation.SENT)
    await said(["sent", "received", "sending", "sent"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_trouble_must_last_before_the_home_is_told(tmp_path, keys, monkeypatch) -> None:
    home = Home(settings_of(tmp_path, keys, ""))
    now = [100.0]
    monkeypatch.setattr("gateway.home.box.time.monotonic", lambda: now[0])
    home.update(FINE, is_well=True)
    now[0] += 60
    home.update(FINE, is_well=False)
    assert home._now == (FINE, Situation.SENT)
    now[0] += 1
    home.update(FINE, is_well=False)
    assert home._now == (FINE, Situation.HELP)
    home.update(FINE, is_well=True)
    assert home._now == (FINE, Situation.SENT)
