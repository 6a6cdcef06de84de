"""The table of what the protocols say of real people is true."""

from pathlib import Path

import pytest

from tests.server.engine import real_series

PAGE = Path(__file__).resolve().parents[3] / "docs" / "real-series.md"

needs_series = pytest.mark.skipif(
    not real_series.DATA.is_dir(), reason="the series of real people stand beside the project"
)


@needs_series
def test_the_table_of_real_series_is_true() -> None:
    written = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "|" in line]
    assert written[: len(real_series.table())] == real_series.table()


@needs_series
def test_no_signal_is_never_a_value() -> None:
    values = list(real_series.intensive_care())
    assert values
    assert all(one.value != 0 for one in values)
