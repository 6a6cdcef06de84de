"""The box's own key: made once, kept, and never a broken one for ever."""

import pytest

from gateway.ble import device_key


def test_it_is_made_once_and_nobody_else_reads_it(tmp_path):
    key = device_key(tmp_path / "state")
    assert len(key) == 16
    assert device_key(tmp_path / "state") == key
    assert (tmp_path / "state/device-key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("left", ["", "00ff", "not hex", "0" * 31])
def test_a_file_that_a_power_cut_spoiled_is_replaced_and_said(tmp_path, caplog, left):
    (tmp_path / "device-key").write_text(left)
    key = device_key(tmp_path)
    assert len(key) == 16
    assert device_key(tmp_path) == key
    assert "paired anew" in caplog.text
