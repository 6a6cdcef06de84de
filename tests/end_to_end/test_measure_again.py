"""A value beyond an inner limit, all the way to the home and back: real server, broker, gateway."""

import asyncio
import re
from contextlib import closing
from datetime import datetime
from decimal import Decimal

import pytest

from simulators.peripherals import Cuff
from simulators.server_process import Visitor
from tests.chaos.district import district
from tests.chaos.homes import ZONE, reader

pytestmark = [pytest.mark.processes, pytest.mark.broker]
PLAN = {
    "thresholds": [
        {
            "code": "systolic",
            "source": "a test, not for care",
            "high_inner": "160",
            "high_outer": "180",
            "measure_again": 15,
        }
    ]
}


async def test_the_home_is_asked_and_its_normal_repeat_raises_nothing(tmp_path, monkeypatch):
    heard, program = tmp_path / "heard", tmp_path / "ask-the-home"
    program.write_text(f'#!/bin/sh\necho "$@" >> {heard}\n')
    program.chmod(0o755)
    monkeypatch.setenv("VICINO_GATEWAY_PROMPT_COMMAND", str(program))
    running = district(tmp_path, seed=5, each=1, count=1)

    def rows(sql: str) -> list[tuple]:
        with closing(reader(tmp_path / "data" / "vicino.db")) as database:
            return database.execute(sql).fetchall()

    async def until(what) -> None:
        async with asyncio.timeout(30):
            while not what():
                await asyncio.sleep(0.1)

    try:
        await running.open()
        (home,) = running.homes
        since = {"version": 2, "by": "dora", "from": running.since.isoformat()}
        for action, said in (("add", {"author": "anna", "plan": PLAN}), ("confirm", since)):
            record = {"patient": home.reference, **said}
            await asyncio.to_thread(running.server.command, "plan", action, records=[record])
        await until(lambda: rows("SELECT 1 FROM gateways WHERE prompts"))
        # Settings given from afar: the box begins anew with them, and goes on.
        given = tmp_path / "home.toml"
        given.write_text('zone = "Europe/Rome"\nheartbeat_seconds = 10\n')
        ((name,),) = rows("SELECT id FROM gateways")
        words = ("gateway", "configure", name, "--file", str(given))
        (told,) = await asyncio.to_thread(running.server.command, *words)
        assert told.startswith("configuration 1: ")
        await until(lambda: rows("SELECT 1 FROM gateways WHERE configuration_in_force = 1"))
        cuff = home.devices["cuff"]
        assert isinstance(cuff, Cuff)
        await _take(cuff, 165)
        await until(lambda: heard.exists() and heard.read_text())
        assert heard.read_text() == "measure-again systolic\n"
        page = await asyncio.to_thread(_page, running.server.url, running.nurse)
        assert "165 mmHg" in page
        assert "ripetere la misura" in page
        assert rows("SELECT state FROM repeats") == [("waiting",)]
        await _take(cuff, 130)
        await until(lambda: rows("SELECT 1 FROM repeats WHERE state = 'normal'"))
        assert rows("SELECT rule FROM alerts WHERE kind = 'clinical'") == []
        assert heard.read_text() == "measure-again systolic\n"
    finally:
        await running.close()


async def _take(cuff: Cuff, systolic: int) -> None:
    at = datetime.now(ZONE).replace(tzinfo=None, microsecond=0)
    await cuff.take(Decimal(systolic), Decimal(80), Decimal(70), at)
    async with asyncio.timeout(30):
        await cuff.all_taken()


def _page(url: str, password: str) -> str:
    nurse = Visitor(url, "anna", password)
    (patient,) = set(re.findall(r'href="(/patients/\d+)"', nurse.get("/patients")))
    return nurse.get(patient)
