"""A proxy before a server of S3 that does to answers what a real server cannot be made to do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.support.s3_servers import Server


class Fault:
    """What a proxy does to the next answers whose request has `match` in its first line; `times`: None is always."""

    def __init__(self, match: str = "", times: int | None = 1) -> None:
        self.match, self.times = match, times
        self.cut_after: int | None = None  # bytes of the body
        self.status: int | None = None  # answered in the server's place, with this code
        self.code = ""
        self.stall = False  # no answer at all, while the connection stands
        self.flip: int | None = None  # this bit of the body
        self.lose_answer = False  # the request is done, and its answer is lost


class Proxy:
    """Stands before a server, one request a connection, and works the faults that it was given."""

    def __init__(self, server: Server) -> None:
        self._to = server.port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._faults: list[Fault] = []
        self.requests: list[str] = []
        self._ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, match: str = "", times: int | None = 1, **what: Any) -> None:
        fault = Fault(match, times)
        for name, value in what.items():
            setattr(fault, name, value)
        self._faults.append(fault)

    def close(self) -> None:
        self._ended.set()
        with suppress(OSError):  # wakes the thread that waits in accept
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._listening.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = _head(connection)
            line = head.partition(b"\r\n")[0].decode("latin-1")
            if not line:
                return
            self.requests.append(line)
            fault = self._fault(line)
            if fault.stall:
                self._ended.wait()
                return
            length = _length(head)
            if fault.status is not None:
                _body(connection, length)
                content = b"" if line.startswith("HEAD") else b"<Error><Code>%s</Code></Error>" % fault.code.encode()
                answer = f"HTTP/1.1 {fault.status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
                connection.sendall(answer.encode() + content)
                return
            self._through(connection, head, length, line.startswith("HEAD"), fault)

    def _through(self, connection: socket.socket, head: bytes, length: int, bare: bool, fault: Fault) -> None:
        with socket.create_connection(("127.0.0.1", self._to)) as server:
            if b"100-continue" in head:
                head = head.replace(b"Expect: 100-continue\r\n", b"")
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            server.sendall(head)
            _body(connection, length, server)
            answer = _head(server)
            if fault.lose_answer:
                return
            lines = [line for line in answer.split(b"\r\n")[:-2] if not line.lower().startswith(b"connection:")]
            connection.sendall(b"\r\n".join(lines) + b"\r\nConnection: close\r\n\r\n")
            left = 0 if bare or b" 204 " in lines[0] or b" 304 " in lines[0] else _length(answer)
            chunked = b"transfer-encoding: chunked" in answer.lower()
            if fault.cut_after is not None:
                left = min(left, fault.cut_after)
            at = 0
            while (left or chunked) and (got := server.recv(65536 if chunked else min(65536, left))):
                if fault.flip is not None and at <= fault.flip // 8 < at + len(got):
                    changed = bytearray(got)
                    changed[fault.flip // 8 - at] ^= 1 << fault.flip % 8
                    got = bytes(changed)
                connection.sendall(got)
                at += len(got)
                left -= 0 if chunked else len(got)
                if chunked and got.endswith(b"0\r\n\r\n"):
                    return

    def _fault(self, line: str) -> Fault:
        for fault in self._faults:
            if fault.match in line and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return Fault()


def _head(connection: socket.socket) -> bytes:
    """Byte by byte up to the empty line, so that nothing of the body is taken."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n") and (got := connection.recv(1)):
        head += got
    return bytes(head)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _body(connection: socket.socket, length: int, to: socket.socket | None = None) -> None:
    while length and (got := connection.recv(min(65536, length))):
        length -= len(got)
        if to is not None:
            to.sendall(got)


@pytest.fixture
def proxy(weed: Server) -> Iterator[Proxy]:
    standing = Proxy(weed)
    yield standing
    standing.close()
