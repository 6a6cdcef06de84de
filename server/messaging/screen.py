"""Delivery on screen: the pages that are open show the alert, by way of their event stream."""

from collections.abc import Callable

from server.ports.alerts import Message


class Screen:
    """See ``services.telling.Display``. The worklist shows every open alert, so this cannot fail:
    a page that is not open shows it when it is."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def deliver(self, message: Message) -> bool:
        self._changed()
        return True
