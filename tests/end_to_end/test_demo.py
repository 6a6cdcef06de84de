"""The demonstration as a newcomer runs it: ends by itself, by Ctrl-C, and by SIGKILL."""

import re
import sys
from collections.abc import Iterator

import pytest

from tests.chaos.district import free_port
from tests.end_to_end.processes import Marked, until

pytestmark = [pytest.mark.processes, pytest.mark.broker]
ROLES = ("nurse anna", "nurse bruno", "doctor dora", "administrator ugo")


@pytest.fixture
def demo(tmp_path) -> Iterator:
    """Start a demonstration; it is ended with the test, whatever became of it."""
    started: list[Marked] = []

    def start(*options: str, port: int = 0) -> Marked:
        small = ("--patients", "6", "--days", "4", "--port", str(port or free_port()))
        command = [sys.executable, "-m", "simulators", "demo", *small, *options]
        started.append(Marked(command, tmp_path / f"{len(started)}.txt"))
        return started[-1]

    yield start
    for one in started:
        one.end()


def test_it_ends_by_itself_with_every_promise_kept(demo):
    running = demo("--for", "10")
    assert running.gone(120), running.alive()
    said = running.output.read_text()
    assert running.program.returncode == 0, said
    assert re.search(r"^Open http://127\.0\.0\.1:\d+/$", said, re.MULTILINE)
    for role in ROLES:
        assert re.search(rf"^{role} \S{{10,}}$", said, re.MULTILINE)
    assert said.count("kept  ") == 5
    assert "BROKEN" not in said


def test_ctrl_c_ends_every_process_it_started(demo):
    running = demo()
    assert until(lambda: "ugo" in running.output.read_text(), 90), running.output.read_text()
    assert until(lambda: len(running.alive()) >= 4, 20), running.alive()
    running.interrupt()
    assert running.gone(30), running.alive()
    assert running.program.returncode == 0, running.output.read_text()
    assert "Traceback" not in running.output.read_text()


def test_a_killed_one_does_not_stop_the_next(demo):
    port = free_port()
    killed = demo(port=port)
    assert until(lambda: "ugo" in killed.output.read_text(), 90), killed.output.read_text()
    killed.program.kill()
    after = demo("--for", "5", port=port)
    assert killed.gone(20), killed.alive()
    assert after.gone(120), after.alive()
    assert after.program.returncode == 0, after.output.read_text()
