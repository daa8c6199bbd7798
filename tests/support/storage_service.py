"""An Archivematica Storage Service on this machine, over real HTTP, that can be told to answer wrongly."""

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

USER, KEY = "archivist", "the-real-key-0123456789"
GOOD = {
    "success": True,
    "message": "",
    "failures": {"files": {"missing": [], "changed": [], "untracked": []}},
    "timestamp": None,
}


@dataclass
class Aip:
    """One AIP. `says` is what its check answers: a document, or bytes as they are sent."""

    uuid: UUID = field(default_factory=uuid4)
    says: object = field(default_factory=lambda: dict(GOOD))
    status: int = 200  # of the check's answer
    archive: bytes = b""
    name: str = "aip.tar"
    type: str = "application/x-tar"  # of the download's answer
    size: object = None  # None: that of the archive
    sent_bytes: int | None = None  # the download ends after so many, and its length was not said; None: all, and it was
    pointer: bytes | None = None
    stored_as: str = "UPLOADED"
    odd: "Callable[[BaseHTTPRequestHandler, StorageServiceServer], None] | None" = None  # answers the check instead

    def listed(self) -> dict[str, object]:
        return {
            "uuid": str(self.uuid),
            "package_type": "AIP",
            "status": self.stored_as,
            "size": len(self.archive) if self.size is None else self.size,
            "stored_date": "2026-03-01T10:00:00",
            "current_location": "/api/v2/location/1/",
            "current_path": f"1234/{self.name}",
            "encrypted": False,
        }


class StorageServiceServer:
    """A context manager. `asked` has the target of every request, `keys` what each was asked with."""

    def __init__(self, *aips: Aip, page: int = 2, certificate: tuple[Path, Path] | None = None) -> None:
        self.aips = {aip.uuid: aip for aip in aips}
        self.asked: list[str] = []
        self.keys: list[str] = []
        self.closing = threading.Event()
        self.total: int | None = None  # what the list says that there are; None: the truth
        self.next: Callable[[int], str | None] | None = None  # the link after the page that begins there
        self._page = page
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self._server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # refused by us
            self._scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def listing(self, start: int) -> dict[str, object]:
        ordered = list(self.aips.values())
        following = start + self._page
        link = f"/api/v2/file/?limit={self._page}&offset={following}&package_type=AIP"
        if self.next is not None:
            following_link = self.next(start)
        else:
            following_link = link if following < len(ordered) else None
        return {
            "meta": {
                "limit": self._page,
                "offset": start,
                "next": following_link,
                "previous": None,
                "total_count": len(ordered) if self.total is None else self.total,
            },
            "objects": [aip.listed() for aip in ordered[start : start + self._page]],
        }

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        split = urlsplit(handler.path)
        query = parse_qs(split.query)
        by_query = f"ApiKey {query.get('username', [''])[0]}:{query.get('api_key', [''])[0]}"
        given = handler.headers.get("Authorization", by_query)
        self.asked.append(handler.path)
        self.keys.append(given)
        if given != f"ApiKey {USER}:{KEY}":
            send(handler, 401, b"")
            return
        parts = split.path.removeprefix("/api/v2/file/").strip("/").split("/")
        if parts == [""]:
            send(handler, 200, json.dumps(self.listing(int(query.get("offset", ["0"])[0]))).encode())
            return
        aip = self.aips.get(UUID(parts[0]))
        if aip is None:
            send(handler, 404, b"")
        else:
            self._answer_of(aip, parts[1:], handler)

    def _answer_of(self, aip: Aip, rest: list[str], handler: BaseHTTPRequestHandler) -> None:
        if rest == ["check_fixity"] and aip.odd is not None:
            aip.odd(handler, self)
        elif rest == ["check_fixity"]:
            body = aip.says if isinstance(aip.says, bytes) else json.dumps(aip.says).encode()
            send(handler, aip.status, body)
        elif rest == ["download"] and aip.sent_bytes is not None:
            handler.send_response(200)  # of HTTP/1.0: the end of the connection is the end of the answer
            handler.send_header("Content-Type", aip.type)
            handler.end_headers()
            handler.wfile.write(aip.archive[: aip.sent_bytes])
        elif rest == ["download"]:
            send(handler, 200, aip.archive, Content_Type=aip.type)
        elif rest == ["pointer_file"]:
            send(handler, 404 if aip.pointer is None else 200, aip.pointer or b"")
        else:
            send(handler, 200, json.dumps(aip.listed()).encode())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    service.answer(self)
                except OSError:
                    self.close_connection = True  # whoever asked has gone

            def log_message(self, format: str, *arguments: object) -> None:
                """Nothing."""

        return Handler


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in ({"Content-Length": str(len(body))} | named).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def silence(handler: BaseHTTPRequestHandler, service: StorageServiceServer) -> None:
    """Never answers."""
    service.closing.wait(60)


def drip(handler: BaseHTTPRequestHandler, service: StorageServiceServer) -> None:
    """A good answer, a byte at a time, without an end."""
    handler.send_response(200)
    handler.end_headers()
    while not service.closing.wait(0.02):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def flood(handler: BaseHTTPRequestHandler, service: StorageServiceServer) -> None:
    """More than anybody can hold, as fast as it is taken."""
    handler.send_response(200)
    handler.end_headers()
    while not service.closing.is_set():
        handler.wfile.write(b" " * (1 << 20))


def cut(handler: BaseHTTPRequestHandler, service: StorageServiceServer) -> None:
    """A whole document that was to be longer."""
    send(handler, 200, json.dumps(GOOD).encode(), Content_Length="4000")


def leading_to(url: str) -> Callable[[BaseHTTPRequestHandler, StorageServiceServer], None]:
    """A redirection."""
    return lambda handler, service: send(handler, 302, b"", Location=url)


def pointer_file(algorithm: str, digest: str) -> bytes:
    """What matters of a METS pointer file."""
    return f"""<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns:premis="http://www.loc.gov/premis/v3">
      <mets:amdSec><premis:object><premis:objectCharacteristics><premis:fixity>
        <premis:messageDigestAlgorithm>{algorithm}</premis:messageDigestAlgorithm>
        <premis:messageDigest>{digest}</premis:messageDigest>
      </premis:fixity></premis:objectCharacteristics></premis:object></mets:amdSec></mets:mets>""".encode()
