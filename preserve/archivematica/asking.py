"""Asking over HTTP, so that nothing that a server does can hold us or fill us.

Each exchange has a deadline for all of it (a slow drip ends, too), each body a limit. Proxies and passwords that stand
in the environment are not used. Certificates are verified. A redirection is followed within the same scheme, host and
port only: the key goes nowhere else.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Timer
from typing import Self
from urllib.parse import urljoin, urlsplit

from checks.names import show
from preserve.archivematica.address import Service, origin, shown
from preserve.errors import UndeterminedError

_MIB = 1 << 20
ANSWER_BYTES = 64 * _MIB
CONNECT_SECONDS = 30.0
ASK_SECONDS = 120.0
_REDIRECTIONS = 3
_BLOCK_BYTES = _MIB
_MOVED = frozenset({301, 302, 303, 307, 308})


class UnansweredError(UndeterminedError):
    """There is no answer that something could be concluded from. `timed_out`: there was none in time."""

    def __init__(self, message: str, *, remedy: str = "", timed_out: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes


class Stream:
    """An answer that is read while it comes.

    Attributes:
        length_bytes: what the server said that there would be.
        bounded: whether it is known where the answer ends; else one that is cut off looks like a whole one.
    """

    def __init__(self, response: http.client.HTTPResponse, late: "_Deadline") -> None:
        self.status = response.status
        self.location = response.getheader("Location")
        self.kind = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
        self.length_bytes = response.length
        self.bounded = response.length is not None or response.chunked
        self._response = response
        self._late = late
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise UnansweredError("the answer is compressed, which was not asked for")

    def blocks(self, most_bytes: int) -> Iterator[bytes]:
        """The body; UnansweredError if it is cut off or larger than that."""
        total = 0
        while block := self._response.read(_BLOCK_BYTES):
            total += len(block)
            if total > most_bytes:
                raise UnansweredError(f"the answer is larger than {most_bytes:,} bytes; the rest was not taken")
            yield block
        self._late.refuse()
        if self.length_bytes is not None and total != self.length_bytes:
            raise UnansweredError(f"the answer was cut off after {total:,} of {self.length_bytes:,} bytes")


class Asker:
    """Asks one Storage Service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._origin = origin(service.url)

    def ask(self, url: str, *, seconds: float = ASK_SECONDS, most_bytes: int = ANSWER_BYTES) -> Answer:
        """The whole answer, whatever its status. UnansweredError if there is none."""
        with self.streaming(url, seconds=seconds) as stream:
            return Answer(stream.status, b"".join(stream.blocks(most_bytes)))

    @contextmanager
    def streaming(self, url: str, *, seconds: float) -> Iterator[Stream]:
        """The answer while it comes; all of it within so many seconds. UnansweredError if there is none."""
        with _Deadline(seconds) as late:
            try:
                for _ in range(_REDIRECTIONS + 1):
                    connection = self._connection(url, late)
                    with closing(connection), closing(self._sent(connection, url, late)) as response:
                        stream = Stream(response, late)
                        if stream.status not in _MOVED:
                            yield stream
                            return
                        url = self.followed(url, stream.location or "")
                raise UnansweredError(f"{shown(url)} leads from one address to the next")
            except UnansweredError:
                late.refuse()
                raise
            except (OSError, http.client.HTTPException, ValueError) as error:
                late.refuse()
                raise _told(self.service, error) from error

    def followed(self, url: str, link: str) -> str:
        """Where a link leads that an answer at `url` has; UnansweredError if it leads to somebody else."""
        try:
            target = urljoin(url, link)
            same = origin(target) == self._origin and target.isascii() and target.isprintable() and " " not in target
        except ValueError:
            same = False
        if not link or not same:
            raise UnansweredError(
                f"the Storage Service leads to another address ({show(link[:200].encode('utf-8', 'replace'))}), "
                "which is not followed",
                remedy="Set `url` below [archivematica] to the address that it really has.",
            )
        return target

    def _connection(self, url: str, late: "_Deadline") -> http.client.HTTPConnection:
        scheme, host, port = self._origin
        if origin(url) != self._origin:
            raise UnansweredError("another host than the Storage Service is not asked")
        connected = socket.create_connection((host, port), timeout=min(CONNECT_SECONDS, late.seconds))
        connection = http.client.HTTPConnection(host, port)
        connection.sock = connected
        late.watch(connected)
        if scheme == "https":
            try:
                context = ssl.create_default_context()
                secured = context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
            except BaseException:
                connection.close()
                raise
            connection.sock = secured
            late.watch(secured)
        return connection

    def _sent(self, connection: http.client.HTTPConnection, url: str, late: "_Deadline") -> http.client.HTTPResponse:
        if isinstance(connection.sock, ssl.SSLSocket):
            connection.sock.do_handshake()
        # A check takes hours in which nothing comes; the deadline ends it, and says so, before this does.
        connection.sock.settimeout(late.seconds + CONNECT_SECONDS)
        split = urlsplit(url)
        target = (split.path or "/") + (f"?{split.query}" if split.query else "")
        connection.request("GET", target, headers=self._headers())
        return connection.getresponse()

    def _headers(self) -> Mapping[str, str]:
        return {
            "Authorization": self.service.authorization,
            "Accept": "application/json, */*",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": "preserve",
        }


class _Deadline:
    """Shuts the connection when the time is over: a time-out of the socket alone begins anew with every byte."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._over = False
        self._sockets: list[socket.socket] = []
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True

    def watch(self, connected: socket.socket) -> None:
        self._sockets.append(connected)
        if self._over:
            self._end()

    def refuse(self) -> None:
        """UnansweredError if the time is over."""
        if self._over:
            raise UnansweredError(f"there was no whole answer within {self.seconds:,.0f} seconds", timed_out=True)

    def _end(self) -> None:
        self._over = True
        for connected in self._sockets:
            try:
                socket.socket.shutdown(connected, socket.SHUT_RDWR)  # below TLS, which would want to say goodbye
            except OSError:
                continue  # closed already

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _told(service: Service, error: Exception) -> UnansweredError:
    if isinstance(error, TimeoutError):
        return UnansweredError(f"{service.url} does not answer", timed_out=True)
    if isinstance(error, ssl.SSLCertVerificationError):
        return UnansweredError(
            f"the certificate of {service.url} is not to be trusted: {error.verify_message}",
            remedy="Have its certificate put right, or name its authority in SSL_CERT_FILE.",
        )
    why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    remedy = ""
    if isinstance(error, ConnectionRefusedError | socket.gaierror):
        remedy = "Look at `url` below [archivematica], and whether the Storage Service runs."
    return UnansweredError(f"{service.url} could not be asked, or broke off: {why}", remedy=remedy)
