"""What waits to be sent: kept on disk until the server says that it is stored."""

from gateway.outbox.box import Make, Outbox, State
from gateway.outbox.kept import kept
from gateway.outbox.rows import Row
from gateway.outbox.thread import OutboxThread

__all__ = ["Make", "Outbox", "OutboxThread", "Row", "State", "kept"]
