"""Waiting for a call to Bluetooth that may never end, and cannot be relied on to be cancelled.

A read that made BlueZ pair has been seen to hang for ever, deaf to its cancellation. What is left
behind then keeps its task; the radio is started anew.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from gateway.errors import RadioUnavailable

GRACE_SECONDS: Final = 5.0
_T = TypeVar("_T")


async def within(seconds: float, call: Awaitable[_T]) -> _T:
    """Wait for a call so long, then cancel it.

    Raises ``TimeoutError`` where that ends it, ``RadioUnavailable`` where it goes on all the same:
    it is left behind.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        was_done = task.done()
        if not was_done:
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE_SECONDS)
    if not task.done():
        task.add_done_callback(_let_go)
        raise RadioUnavailable("radio: a call does not end")
    if not was_done and task.cancelled():
        raise TimeoutError
    return task.result()


def _let_go(task: "asyncio.Future[Any]") -> None:
    """Take what a call that was left behind ends with: nobody waits for it."""
    if not task.cancelled():
        task.exception()
