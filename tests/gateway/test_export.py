"""The home's own data, read out at the box: what it holds, in words, beside a gateway that runs."""

import csv
import io

import pytest
from msgspec.structs import replace

from contract.messages import Quantity
from gateway.__main__ import main
from gateway.errors import OutboxUnavailable
from gateway.export import COLUMNS, export
from gateway.outbox import Outbox
from tests.gateway.measurements import make
from tests.gateway.test_gateway_settings import GOOD


def said(**how):
    def made(epoch, seq):
        return replace(make(epoch, seq), **how)

    return made


def test_what_waits_and_what_was_set_aside_is_read_out_while_the_outbox_is_in_use(tmp_path):
    outbox = Outbox(tmp_path / "outbox.db")
    value = Quantity(code="systolic", unit="mm[Hg]", value="138")
    high = Quantity(code="glucose", unit="mg/dL", above="600")
    none = Quantity(code="mean-arterial", unit="mm[Hg]", absent="not-a-number")
    outbox.store(said(quantities=[value, none], flags=["irregular-pulse"]))
    outbox.store(said(quantities=[high], device_time="2026-07-10T08:15:00"))
    outbox.store(said(unreadable="offset 1: cut off", raw="1e8a"))
    outbox.store(make)
    for _ in range(2):
        outbox.refuse(1, 1, "test")
    outbox.forget(outbox.state().epoch, 1)  # the receipt of its tombstone
    text = io.StringIO()
    assert export(tmp_path / "outbox.db", text) == 4
    outbox.close()
    header, *rows = csv.reader(io.StringIO(text.getvalue()))
    assert header == list(COLUMNS)
    assert [row[3:] for row in rows] == [
        ["glucose", "> 600", "mg/dL", ""],
        ["", "", "", "1e8a: offset 1: cut off"],
        ["systolic", "138", "mm[Hg]", "irregular-pulse"],
        ["mean-arterial", "(not-a-number)", "mm[Hg]", "irregular-pulse"],
    ]
    assert rows[0][:2] == ["2023-11-14T22:13:20+00:00", "2026-07-10T08:15:00"]


def test_an_outbox_that_is_not_there_is_said(tmp_path, keys, capsys):
    with pytest.raises(OutboxUnavailable):
        export(tmp_path / "outbox.db", io.StringIO())
    settings = tmp_path / "gateway.toml"
    settings.write_text(GOOD.format(keys=keys))
    assert main(["export", "--settings", str(settings)]) == 1
    assert "outbox.db" in capsys.readouterr().err


def test_the_command_writes_a_table(tmp_path, keys, capsys):
    settings = tmp_path / "gateway.toml"
    settings.write_text(GOOD.format(keys=keys))
    (tmp_path / "state").mkdir()
    outbox = Outbox(tmp_path / "state/outbox.db")
    outbox.store(make)
    outbox.close()
    assert main(["export", "--settings", str(settings)]) == 0
    assert capsys.readouterr().out.startswith("received at,device time,")
