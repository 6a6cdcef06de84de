"""The air between virtual devices and gateways: one Bumble link, and a TCP door for gateways.

Every gateway that connects to the door gets a controller of its own on the link; when its process
dies, its links end as they would by radio: after the supervision timeout, seen by the peripheral
as a connection timeout. Bumble's virtual controller has neither that nor a working cancel.
"""

import asyncio
import logging
from types import TracebackType
from typing import Any, Self

from bumble import hci
from bumble.controller import Controller
from bumble.link import LocalLink
from bumble.transport.common import ParserSource

_log = logging.getLogger(__name__)
logging.getLogger("bumble").setLevel(logging.WARNING)


class VirtualController(Controller):  # type: ignore[misc]  # Bumble is not typed for us
    """Bumble's controller, with a cancel that cancels and a link that can be lost."""

    pending_le_connection: Any

    def on_hci_le_create_connection_cancel_command(
        self,
        command: Any,  # noqa: ANN401 - Bumble is not typed for us
    ) -> Any:  # noqa: ANN401
        """End a pending connection with the event that the host waits for.

        See Bluetooth Core, Vol 4, Part E, 7.8.13 LE Create Connection Cancel Command.
        """
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            asyncio.get_running_loop().call_soon(self._tell_cancelled, pending.peer_address)
        return super().on_hci_le_create_connection_cancel_command(command)

    def lose_links(self) -> None:
        """End every link at both ends as if nothing had been heard for the supervision timeout."""
        reason = hci.HCI_CONNECTION_TIMEOUT_ERROR
        for connection in list(self.le_connections.values()):
            peer = self.link.find_le_controller(connection.peer_address)
            self.on_le_disconnected(connection, reason)
            if peer is None:
                continue
            for back in list(peer.le_connections.values()):
                if back.peer_address == connection.self_address:
                    peer.on_le_disconnected(back, reason)

    def _tell_cancelled(self, peer: Any) -> None:  # noqa: ANN401 - Bumble is not typed for us
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=peer.address_type,
                peer_address=peer,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )


class _Link(LocalLink):  # type: ignore[misc]  # Bumble is not typed for us
    """Bumble's link, by the addresses that a connection was made with: a host may take a new random
    address for its scan while it is connected, as BlueZ does."""

    def send_acl_data(
        self,
        sender_controller: Any,  # noqa: ANN401 - Bumble is not typed for us
        destination_address: Any,  # noqa: ANN401
        transport: Any,  # noqa: ANN401
        data: bytes,
    ) -> None:
        """Hand one packet to the other end of the connection."""
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is not None and receiver is not None:
            source = connection.self_address
            loop = asyncio.get_running_loop()
            loop.call_soon(receiver.on_link_acl_data, source, transport, data)


class VirtualRadio:
    """One link, in one event loop. ``async with VirtualRadio() as radio`` opens the door."""

    def __init__(self, port: int = 0) -> None:
        """Choose the TCP port on 127.0.0.1; 0 takes a free one, see ``port`` once it is open."""
        self.link = _Link()
        self.port = port
        self._gateways = 0
        self._server: asyncio.Server | None = None

    @property
    def transport(self) -> str:
        """The gateway's ``radio`` setting for this link."""
        return f"hci:tcp-client:127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        """Open the door."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Door(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close the door; gateways inside lose their controller."""
        if self._server is not None:
            self._server.close()
        for controller in list(self.link.controllers):
            if isinstance(controller.host, _Sink):
                controller.host.transport.abort()
        await asyncio.sleep(0)

    def end_orphans(self) -> None:
        """End the links of peripherals whose central is gone, as the supervision timeout would."""
        ends = [
            (controller, connection)
            for controller in self.link.controllers
            for connection in controller.le_connections.values()
        ]
        centrals = {
            (one.self_address, one.peer_address) for _, one in ends if one.role == hci.Role.CENTRAL
        }
        for controller, one in ends:
            orphaned = (one.peer_address, one.self_address) not in centrals
            if one.role == hci.Role.PERIPHERAL and orphaned:
                controller.on_le_disconnected(one, hci.HCI_CONNECTION_TIMEOUT_ERROR)

    def admit(self, source: ParserSource, sink: Any) -> VirtualController:  # noqa: ANN401
        """Put a new controller on the link for the host behind ``source`` and ``sink``."""
        self._gateways += 1
        name = f"gateway-{self._gateways}"
        return VirtualController(name, host_source=source, host_sink=sink, link=self.link)


class _Sink:
    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self.transport = transport

    def on_packet(self, packet: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(packet)


class _Door(asyncio.Protocol):
    """One gateway's TCP connection: HCI packets in H4 framing."""

    def __init__(self, radio: VirtualRadio) -> None:
        self._radio = radio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        self._source = ParserSource()
        self._controller = self._radio.admit(self._source, _Sink(transport))

    def data_received(self, data: bytes) -> None:
        self._source.parser.feed_data(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._controller.lose_links()
        self._radio.link.remove_controller(self._controller)
        # A connection request that was on its way then makes a link to nobody, later in this turn.
        asyncio.get_running_loop().call_soon(self._radio.end_orphans)
