"""A line to a server that is cut, or falls silent, when a test wants it."""

import socket
import threading
from contextlib import suppress


class BadLine:
    """Hands bytes through between whoever connects to `port` and a server of this machine."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        self._open: list[socket.socket] = []
        self._left: dict[str, int | None] = {"up": None, "down": None}
        self._silent = False
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "BadLine":
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut_after(self, *, up: int | None = None, down: int | None = None) -> None:
        """Cuts the line once, after so many further bytes to the server or from it."""
        with self._lock:
            self._left = {"up": up, "down": down}

    def cut(self) -> None:
        """Now."""
        with self._lock:
            self._left = {"up": None, "down": None}
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def silence(self) -> None:
        """What was connected up to now stays so, and nothing comes through any more."""
        self._silent = True

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._server_port))
                for each in (here, there):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self.connections += 1
                    self._open += [here, there]
                for way in (("up", here, there), ("down", there, here)):
                    threading.Thread(target=self._hand, args=way, daemon=True).start()

    def _hand(self, way: str, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self._silent:
                    continue
                left = self._counted(way, len(data))
                if left is not None:
                    target.sendall(data[:left])
                    self.cut()
                    break
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        source.close()

    def _counted(self, way: str, count: int) -> int | None:
        """How many bytes are still handed through before the cut; None: all, and no cut."""
        with self._lock:
            left = self._left[way]
            if left is None:
                return None
            self._left[way] = left - count
            return left if count >= left else None
