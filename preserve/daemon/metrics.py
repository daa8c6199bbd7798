"""GET /metrics, and nothing else, for a Prometheus that asks: one text, made when it is asked for."""

import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from preserve.errors import UndeterminedError

_REQUEST_SECONDS = 10.0  # for all of it, however slowly it comes
_SILENT_SECONDS = 2.0  # after which who says nothing more is hung up on
_MOST_REQUESTS = 64  # at once; further ones are hung up on
_KEPT_SECONDS = 2.0  # a text is given again for so long: many askers cost the catalog no more than one
_LONGEST_TARGET = 1024
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class MetricsServer:
    """Serves until closed, in threads of its own that keep no process from ending.

    Args:
        text: makes the answer; whatever it raises becomes `down`, or 503, without a word of why, which `say` is told.

    Raises:
        UndeterminedError: nothing can listen at this address.
    """

    def __init__(
        self, host: str, port: int, text: Callable[[], str], say: Callable[[str], None], down: str = ""
    ) -> None:
        kind = _Server6 if ":" in host else _Server
        try:
            self._server = kind((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UndeterminedError(
                f"no metrics: nothing can listen at {host}:{port}: {error}",
                remedy="Set another address under [serve] metrics, or stop what listens there.",
            ) from error
        self._server.answer = _Kept(text, say, down)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Kept:
    """The text, made at most once in so long."""

    def __init__(self, text: Callable[[], str], say: Callable[[str], None], down: str) -> None:
        self._make, self._say = text, say
        self._down = down.encode() or None
        self._lock = threading.Lock()
        self._made: tuple[float, bytes] | None = None
        self._fault = ""

    def __call__(self) -> bytes | None:
        with self._lock:
            if self._made is None or time.monotonic() - self._made[0] > _KEPT_SECONDS:
                self._made = None
                try:
                    self._made = time.monotonic(), self._make().encode()
                    self._fault = ""
                except Exception as error:  # noqa: BLE001  a scrape must not end the service; it is told once
                    fault = f"no metrics: {type(error).__name__}: {error}"
                    if fault != self._fault:
                        self._say(fault)
                    self._fault = fault
            return self._down if self._made is None else self._made[1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128  # the usual limit of the kernel, where socketserver asks for five

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.answer: Callable[[], bytes | None] = lambda: None
        self._room = threading.Semaphore(_MOST_REQUESTS)
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # Not http.server's own, which asks the resolver for this host's name and may wait for it.
        socket.socket.bind(self.socket, self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "preserve", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        hanging_up = threading.Timer(_REQUEST_SECONDS, _hang_up, [request])
        hanging_up.daemon = True
        hanging_up.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            hanging_up.cancel()
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or sent what is no HTTP: nobody has to read of it."""


class _Server6(_Server):
    address_family = socket.AF_INET6


def _hang_up(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended meanwhile


class _Handler(BaseHTTPRequestHandler):
    timeout = _SILENT_SECONDS

    def do_GET(self) -> None:
        """/metrics; a query after it means nothing to us."""
        assert isinstance(self.server, _Server)
        if len(self.path) > _LONGEST_TARGET or self.path.partition("?")[0] != "/metrics":
            self._answer(404, b"not found\n")
            return
        text = self.server.answer()
        if text is None:
            self._answer(503, b"not known now\n")
        else:
            self._answer(200, text, _TEXT)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Other methods are not found either; what is no request is told so, and nothing of it is repeated."""
        status = 404 if code == 501 else code
        self._answer(status, b"not found\n" if status == 404 else b"bad request\n")

    def version_string(self) -> str:
        return "preserve"

    def log_message(self, format: str, *args: object) -> None: ...

    def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
