"""Hazard H5: the home is asked by a program that can hurt neither the gateway nor itself."""

import asyncio
import logging
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contract.messages import Command, Configuration
from gateway.app import App
from gateway.collector import Collector
from gateway.configuration import Given
from gateway.prompt import Prompt
from gateway.settings import load
from tests.gateway.test_gateway_settings import GOOD

pytestmark = pytest.mark.processes


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    return tmp_path / "heard"


@pytest.fixture
def program(tmp_path: Path, heard: Path):
    """Write a program that notes its arguments and does ``then``."""

    def write(then: str = "") -> Path:
        path = tmp_path / "ask-the-home"
        path.write_text(f'#!/bin/sh\necho "$@" >> {heard}\n{then}\n')
        path.chmod(0o755)
        return path

    return write


@asynccontextmanager
async def running(prompt: Prompt):
    task = asyncio.create_task(prompt.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


def said(heard: Path) -> list[str]:
    return heard.read_text().splitlines() if heard.exists() else []


async def test_the_program_is_run_with_the_word_and_the_code(program, heard):
    prompt = Prompt(program())
    async with running(prompt):
        prompt.ask("systolic; rm -rf $HOME")
        await until(lambda: said(heard))
    assert said(heard) == ["measure-again systolic; rm -rf $HOME"], "no shell reads it"


async def test_never_two_at_once_and_again_afterwards(program, heard, tmp_path):
    gate = tmp_path / "gate"
    prompt = Prompt(program(f"while [ ! -e {gate} ]; do sleep 0.02; done"))
    async with running(prompt):
        prompt.ask("systolic")
        prompt.ask("diastolic")
        await until(lambda: said(heard))
        prompt.ask("weight")
        gate.touch()
        await until(lambda: not prompt._busy)
        prompt.ask("spo2")
        await until(lambda: len(said(heard)) == 2)
    assert said(heard) == ["measure-again systolic", "measure-again spo2"]


async def test_one_that_takes_too_long_is_ended_with_what_it_has_started(
    program, heard, tmp_path, caplog
):
    child = tmp_path / "child"
    prompt = Prompt(program(f"sleep 60 & echo $! > {child}\nwait"), seconds=0.3)
    async with running(prompt):
        prompt.ask("systolic")
        await until(lambda: "took over" in caplog.text)
        await until(lambda: not prompt._busy)
        await until(lambda: _ended(int(child.read_text())))
        prompt.ask("weight")
        await until(lambda: len(said(heard)) == 2)


async def test_a_gateway_that_stops_leaves_no_program_behind(program, tmp_path):
    child = tmp_path / "child"
    prompt = Prompt(program(f"echo $$ > {child}\nexec sleep 60"))
    async with running(prompt):
        prompt.ask("systolic")
        await until(lambda: child.exists() and child.read_text().strip())
    assert _ended(int(child.read_text()))


@pytest.mark.parametrize("wrong", ["status", "gone", "no-program"])
async def test_its_failure_is_logged_and_the_next_is_asked(program, heard, caplog, wrong):
    path = program("exit 3" if wrong == "status" else "")
    if wrong == "gone":
        path.unlink()
    elif wrong == "no-program":
        path.write_bytes(b"\x7fELF nothing")
    prompt = Prompt(path)
    async with running(prompt):
        prompt.ask("systolic")
        await until(lambda: "home" in caplog.text)
        await until(lambda: not prompt._busy)
        program()
        prompt.ask("weight")
        await until(lambda: "measure-again weight" in said(heard))
    assert caplog.records[0].levelno == logging.ERROR


async def test_the_gateway_obeys_until_the_command_expires(keys, program, heard, tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD.format(keys=keys) + f'prompt_command = "{program()}"\n')
    (tmp_path / "state").mkdir()
    app = App(Given(load(path, {})), lambda: None)
    assert app._uplink._prompts
    now = app._moment().wall_ms
    async with running(app._prompt):
        for code, expires_at in (("weight", now - 1), ("systolic", now + 60_000)):
            more = {"name": "measure-again", "code": code, "expires_at": expires_at}
            app._obey(Command(gateway="gw-001", **more))
        await until(lambda: said(heard))
        await until(lambda: not app._prompt._busy)
    app._outbox.close()
    assert said(heard) == ["measure-again systolic"]
    assert not app._beat_now.is_set()


async def test_with_measurements_in_memory_only_it_does_not_begin_anew(tmp_path, keys, monkeypatch):
    path, begun = tmp_path / "gateway.toml", []
    path.write_text(GOOD.format(keys=keys))
    (tmp_path / "state").mkdir()
    app = App(Given(load(path, {})), lambda: begun.append(1))
    order = Configuration(gateway="gw-001", version=1, heartbeat_seconds=30)
    with monkeypatch.context() as full:
        full.setattr(Collector, "is_full", property(lambda _self: True))
        app._obey(order)
        assert (begun, app._given.kept.newest) == ([], 0)
    app._obey(order)
    assert (begun, app._given.kept.newest) == ([1], 1)
    app._outbox.close()


async def test_without_a_program_the_gateway_says_that_it_cannot_ask(keys, tmp_path, caplog):
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD.format(keys=keys))
    (tmp_path / "state").mkdir()
    app = App(Given(load(path, {})), lambda: None)
    more = {"name": "measure-again", "code": "weight", "expires_at": 2**52}
    app._obey(Command(gateway="gw-001", **more))
    app._outbox.close()
    assert not app._uplink._prompts
    assert "no prompt_command" in caplog.text


def _ended(pid: int) -> bool:
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except FileNotFoundError:
        return True
