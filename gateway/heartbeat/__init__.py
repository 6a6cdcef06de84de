"""How the gateway is: told to the server at intervals, and to whoever stands before the box."""

from gateway.heartbeat.board import board_celsius
from gateway.heartbeat.certificate import certificate_ends_at, validity
from gateway.heartbeat.report import Report, message
from gateway.heartbeat.status import Status, is_news, read_status, write_status

__all__ = [
    "Report",
    "Status",
    "board_celsius",
    "certificate_ends_at",
    "is_news",
    "message",
    "read_status",
    "validity",
    "write_status",
]
