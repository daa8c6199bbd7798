"""A small server of S3 that answers as it is told to: what no real server says unless it is broken or means ill."""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

IDENTITY = b'{"replica": "7ad5b5f4-9d69-4a3c-bc1e-3b5d6f2d2b10", "name": "abroad"}'


class Asked(NamedTuple):
    method: str
    key: str
    query: Mapping[str, str]

    @property
    def is_listing(self) -> bool:
        return self.method == "GET" and not self.key and "list-type" in self.query


class Answered(NamedTuple):
    """`before`: raw bytes that are sent in the place of everything else."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    before: Iterator[bytes] | None = None


def error(status: int, code: str) -> Answered:
    return Answered(status, f"<Error><Code>{code}</Code></Error>".encode())


def listing(
    *entries: str, more: str = "<IsTruncated>false</IsTruncated>", name: str = "<Name>bucket</Name>"
) -> Answered:
    return Answered(body=f"<ListBucketResult>{name}{more}{''.join(entries)}</ListBucketResult>".encode())


class Liar:
    """Keeps objects in memory; `lie` may answer in its place, or give None."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.lie: Callable[[Asked], Answered | None] = lambda asked: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: Asked, body: bytes) -> Answered:
        if asked.is_listing:
            return self._listed(asked.query.get("prefix", ""))
        if not asked.key:
            return Answered(body=b"<Nothing/>")
        if asked.method == "PUT":
            self.objects[asked.key] = body
        if asked.method == "DELETE":
            self.objects.pop(asked.key, None)
            return Answered(204)
        content = self.objects.get(asked.key)
        return error(404, "NoSuchKey") if content is None else self.of(content)

    def of(self, content: bytes, **headers: str) -> Answered:
        said = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(content).digest()).decode(),
        }
        return Answered(200, content, {**said, **{name.replace("_", "-"): value for name, value in headers.items()}})

    def _listed(self, prefix: str) -> Answered:
        found = sorted(key for key in self.objects if key.startswith(prefix))
        entries = (f"<Contents><Key>{quote(k)}</Key><Size>{len(self.objects[k])}</Size></Contents>" for k in found)
        return listing("<EncodingType>url</EncodingType>", *entries)


def _handler(liar: Liar) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def answer(self) -> None:
            url = urlsplit(self.path)
            key = unquote(url.path.lstrip("/").partition("/")[2])
            asked = Asked(self.command, key, dict(parse_qsl(url.query, keep_blank_values=True)))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            liar.asked.append(asked)
            found = liar.lie(asked) or liar.answer(asked, body)
            if found.before is not None:
                self._send_raw(found.before)
                return
            sent = b"" if asked.method == "PUT" and found.status == 200 else found.body
            self.send_response(found.status)
            for name, value in {"Content-Length": str(len(sent)), **found.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if asked.method != "HEAD":
                self.wfile.write(sent)

        def _send_raw(self, pieces: Iterator[bytes]) -> None:
            self.close_connection = True
            try:
                for piece in pieces:
                    self.wfile.write(piece)
            except OSError:
                pass  # whoever asked has had enough

        do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = answer

    return Handler


@contextmanager
def lying() -> Iterator[Liar]:
    liar = Liar()
    try:
        yield liar
    finally:
        liar.close()
