"""A TLS socket for MQTT clients that leaves nothing behind.

paho-mqtt forgets a socket whose handshake fails, open: the broker died in the middle, or the
certificate is not believed. Every try to connect would then hold a descriptor until the next
garbage collection.
"""

import ssl


class ClosingSocket(ssl.SSLSocket):
    """Closes itself when its handshake fails. Set it as ``SSLContext.sslsocket_class``."""

    def do_handshake(self, block: bool = False) -> None:
        """See ``ssl.SSLSocket.do_handshake``."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise
