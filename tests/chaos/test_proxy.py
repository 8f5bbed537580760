"""The proxy does what it is told."""

import contextlib
import socket
import socketserver
import threading
import time

import pytest

from proxy import CUT, DEAF, PASS, SILENT, SLOW, Loop, Proxy
from serving import wait_until


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            while data := self.request.recv(100):
                self.server.heard.append(data)
                self.request.sendall(data)


@pytest.fixture
def echo():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads, server.block_on_close, server.heard = True, False, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(echo):
    loop = Loop()
    proxy = Proxy(loop, *echo.server_address)
    yield proxy
    proxy.close()
    loop.close()


def connect(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), 30)


def answer(client, data):
    client.sendall(data)
    return client.recv(100)


def test_pass(proxy):
    with connect(proxy) as client:
        assert answer(client, b"one") == b"one"


def test_cut_resets_connections_and_refuses_new_ones(proxy):
    with connect(proxy) as client:
        assert answer(client, b"one") == b"one"
        proxy.set(CUT)
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    with connect(proxy) as client, contextlib.suppress(ConnectionError):
        assert answer(client, b"two") == b""
    proxy.set(PASS)
    with connect(proxy) as client:
        assert answer(client, b"three") == b"three"


def test_silence_holds_and_then_delivers(proxy, echo):
    with connect(proxy) as client:
        assert answer(client, b"one") == b"one"
        proxy.set(SILENT)
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            answer(client, b"two")
        assert echo.heard == [b"one"]
        client.settimeout(30)
        proxy.set(PASS)
        assert client.recv(100) == b"two"


def test_deaf_delivers_requests_and_no_answers(proxy, echo):
    with connect(proxy) as client:
        proxy.set(DEAF)
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            answer(client, b"one")
        wait_until(lambda: echo.heard == [b"one"], "the request")
        client.settimeout(30)
        proxy.set(PASS)
        with pytest.raises(ConnectionResetError):
            client.recv(100)


def test_slow(proxy):
    with connect(proxy) as client:
        proxy.set(SLOW, 0.2)
        since = time.monotonic()
        assert answer(client, b"one") == b"one"
        assert time.monotonic() - since > 0.35
