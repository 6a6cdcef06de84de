"""Rows of a table moved as bytes: numpy would go field by field."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def take(table: NDArray[np.void], index: NDArray[Any]) -> NDArray[np.void]:
    """Copy rows of a table."""
    return np.asarray(_bytes(table).take(index).view(table.dtype))


def put(table: NDArray[np.void], index: NDArray[Any], rows: NDArray[np.void]) -> None:
    """Write rows back into a table."""
    _bytes(table).put(index, _bytes(rows))


def _bytes(table: NDArray[np.void]) -> NDArray[np.void]:
    return table.view(f"V{table.itemsize}")
