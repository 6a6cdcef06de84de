"""A real server process sends what is in its database, also after it was killed."""

import time

import pytest

from simulators.server_process import ServerProcess
from tests.server.messaging.conftest import Office
from tests.server.messaging.receivers import free_port

pytestmark = pytest.mark.processes
SMTP = '[smtp]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nsender = "vicino@chc.example"\n'


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_server_sends_and_after_a_kill_sends_nothing_twice(office: Office, tmp_path):
    office.world.now = time.time_ns() // 1_000_000
    office.channel("anna", "anna@chc.example")
    number = office.matter()
    url = office.world.store.url
    office.world.store.close()
    server = ServerProcess(tmp_path, free_port(), free_port())
    text = f'{server.settings.read_text()}database = "{url}"\npublic_url = "https://v.example"\n'
    server.settings.write_text(text + SMTP.format(port=office.port))
    server.start()
    try:
        assert _until(lambda: f"https://v.example/alerts/{number}" in _said(office))
        recorded = "select count(*) from deliveries where delivered_at is null"
        assert _until(lambda: office.world.rows(recorded) == [(0,)])
        server.kill()
        server.start()
        time.sleep(3)  # several looks of the loop
    finally:
        server.stop()
    ids = [letter["Message-ID"] for letter in office.mailbox.letters]
    assert len(ids) == len(set(ids))


def _said(office: Office) -> str:
    return "".join(letter.get_content() for letter in office.mailbox.letters)


def _until(condition) -> bool:
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.1)
    return False
