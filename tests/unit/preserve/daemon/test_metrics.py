"""/metrics over a real socket: one text, and nothing else."""

import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from itertools import count

import pytest

from preserve.daemon.metrics import MetricsServer
from preserve.errors import UndeterminedError

Start = Callable[[Callable[[], str]], int]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def start(said: list[str]) -> Iterator[Start]:
    servers: list[MetricsServer] = []

    def starting(text: Callable[[], str]) -> int:
        servers.append(MetricsServer("127.0.0.1", 0, text, said.append))
        return servers[-1].port

    yield starting
    for server in servers:
        server.close()


def ask(port: int, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_the_text_is_given_and_only_there(start: Start) -> None:
    port = start(lambda: "preserve_up 1\n")
    response, body = ask(port, "/metrics")
    assert (response.status, body) == (200, b"preserve_up 1\n")
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert response.headers["Server"] == "preserve"
    for path in ("/", "/metrics/", "/metrics/../etc/passwd", "/metrics%00", "/" + "a" * 5000):
        assert ask(port, path)[0].status == 404
    assert ask(port, "/metrics", "POST")[0].status == 404
    assert ask(port, "/metrics", "DELETE")[1] == b"not found\n"


def test_many_who_ask_make_it_once(start: Start) -> None:
    numbers = count()
    port = start(lambda: f"asked {next(numbers)}\n")
    assert {ask(port, "/metrics")[1] for _ in range(10)} == {b"asked 0\n"}


def test_a_text_that_cannot_be_made_is_told_once_in_the_log_and_not_to_who_asks(start: Start, said: list[str]) -> None:
    def fail() -> str:
        raise OSError("/srv/secret/catalog is not there")

    port = start(fail)
    for _ in range(3):
        response, body = ask(port, "/metrics")
        assert response.status == 503 and b"secret" not in body
    assert said == ["no metrics: OSError: /srv/secret/catalog is not there"]


@pytest.mark.parametrize("request_bytes", [b"\x16\x03\x01 tls?\r\n\r\n", b"GET /metrics HTTP/9\r\n\r\n", b"\r\n\r\n"])
def test_what_is_no_request_ends_nothing(start: Start, request_bytes: bytes) -> None:
    port = start(lambda: "ok\n")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(request_bytes)
        client.recv(1000)
    assert ask(port, "/metrics")[0].status == 200


def test_those_who_say_nothing_are_hung_up_on_and_do_not_pile_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("preserve.daemon.metrics._REQUEST_SECONDS", 0.3)
    port = start(lambda: "ok\n")
    silent = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(30)]
    assert [client.recv(10) for client in silent] == [b""] * 30
    for client in silent:
        client.close()
    assert ask(port, "/metrics")[0].status == 200


def test_an_address_that_is_taken_is_named(start: Start) -> None:
    port = start(lambda: "ok\n")
    with pytest.raises(UndeterminedError, match=f"127.0.0.1:{port}"):
        MetricsServer("127.0.0.1", port, lambda: "", lambda _: None)


def test_who_asks_is_answered_at_once_whoever_else_says_nothing(start: Start) -> None:
    port = start(lambda: "ok\n")
    silent = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(40)]
    assert ask(port, "/metrics")[1] == b"ok\n"
    for client in silent:
        client.close()


def test_many_connections_at_once_find_room_to_wait() -> None:
    server = MetricsServer("127.0.0.1", 0, lambda: "", lambda _: None)
    try:
        assert server._server.request_queue_size >= 100
    finally:
        server.close()


def test_where_nothing_can_be_asked_the_figures_say_so(said: list[str]) -> None:
    def fail() -> str:
        raise OSError("the catalog is gone")

    server = MetricsServer("127.0.0.1", 0, fail, said.append, "preserve_up 0\n")
    try:
        response, body = ask(server.port, "/metrics")
        assert (response.status, body) == (200, b"preserve_up 0\n")
        assert said == ["no metrics: OSError: the catalog is gone"]
    finally:
        server.close()
