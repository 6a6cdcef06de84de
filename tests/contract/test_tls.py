"""A broker that dies in the middle of a TLS handshake leaves no socket open."""

import gc
import socket
import ssl
import threading
import warnings

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from contract.tls import ClosingSocket


@pytest.mark.parametrize(
    ("kind", "left_open"), [(ClosingSocket, False), (ssl.SSLSocket, True)], ids=["ours", "paho's"]
)
def test_a_failed_handshake_leaves_no_socket_open(kind, left_open):
    context = ssl.create_default_context()
    context.sslsocket_class = kind
    client = Client(CallbackAPIVersion.VERSION2)
    client.tls_set_context(context)
    with warnings.catch_warnings(record=True) as caught, socket.create_server(("", 0)) as broker:
        warnings.simplefilter("always")
        dying = threading.Thread(target=lambda: broker.accept()[0].close())
        dying.start()
        with pytest.raises(OSError):  # noqa: PT011 - reset or end of file, as the kernel likes
            client.connect("localhost", broker.getsockname()[1])
        dying.join()
        gc.collect()
    unclosed = [one for one in caught if issubclass(one.category, ResourceWarning)]
    assert bool(unclosed) is left_open
