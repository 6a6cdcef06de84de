"""The way to the server: measurements up, oldest first, until the receipt comes down."""

from gateway.uplink.link import Events, Link, MqttLink, client_id
from gateway.uplink.uplink import Uplink

__all__ = ["Events", "Link", "MqttLink", "Uplink", "client_id"]
