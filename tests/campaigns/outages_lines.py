"""A line to a server that may be dead: it counts, it can be cut, and it calls out at a byte that was asked for."""

import socket
import threading
from contextlib import suppress


class Line:
    """Hands bytes through to a server that may be dead, counts them, and calls out at a byte that was asked for."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.shut = False  # whoever connects is turned away
        self.bytes = {"up": 0, "down": 0}
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._call_at: int | None = None
        self.called, self.answered = threading.Event(), threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, call_at: int | None = None) -> None:
        """Counts from nothing; at so many bytes, both ways together, `called` is set and `answered` waited for."""
        self.bytes = {"up": 0, "down": 0}
        self.called.clear()
        self.answered.clear()
        self._call_at = call_at

    def cut(self) -> None:
        """All that is connected now."""
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def close(self) -> None:
        """For good; nobody is told of it."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes whoever waits to accept
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self.shut:
                    raise ConnectionRefusedError
                there = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                here.close()
                continue
            with self._lock:
                self._open |= {here, there}
            for way, source, target in (("up", here, there), ("down", there, here)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._hand, args=(way, source, target), daemon=True).start()

    def _hand(self, way: str, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._count(way, len(data))
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {source, target}
        source.close()

    def _count(self, way: str, count: int) -> None:
        with self._lock:
            self.bytes[way] += count
            called = self._call_at is not None and sum(self.bytes.values()) >= self._call_at
            if called:
                self._call_at = None
        if called:
            self.called.set()
            self.answered.wait(10)
