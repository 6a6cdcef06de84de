"""The live stream: a word at once, a word at every change, an end with the session."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from server.web import events
from server.web.visit import Visit
from tests.server.web.district import HOUR, District


class _Request:
    """What ``Visit.of`` reads of a request."""

    def __init__(self, path: str) -> None:
        self.url = type("Url", (), {"path": path})()
        self.query_params: dict[str, str] = {}
        self.headers: dict[str, str] = {}


def visit(district: District) -> Visit:
    browser = district.browser("anna")
    token = browser.client.cookies["vicino"]
    site: Any = district.application.state.site
    request: Any = _Request("/events")
    return replace(Visit.of(site, request, None, token), token=token)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(events, "_GATHER_SECONDS", 0.0)


async def _next(stream: AsyncIterator[Any]) -> str:
    return str((await anext(stream)).event)


@pytest.mark.usefixtures("quick")
def test_it_speaks_at_once_then_beats_and_tells_of_changes(district: District):
    seen = visit(district)

    async def listen() -> list[str]:
        stream = events._stream(seen)
        said = [await _next(stream) for _ in range(3)]
        district.changes.notify()
        said.append(await _next(stream))
        await stream.aclose()
        return said

    assert district.runner.run(listen()) == ["beat", "changed", "beat", "changed"]


@pytest.mark.usefixtures("quick")
def test_it_ends_with_the_session_and_sends_the_page_to_ask(district: District):
    seen = visit(district)

    async def listen() -> list[str]:
        stream = events._stream(seen)
        said = [await _next(stream) for _ in range(2)]
        district.now += HOUR
        return [*said, *[str(event.event) async for event in stream]]

    assert district.runner.run(listen()) == ["beat", "changed", "changed"]


def test_a_page_hears_it_three_times_within_its_silence():
    silence_seconds = 20
    assert silence_seconds / 3 >= events.BEAT_SECONDS
