"""The requests that boto3 makes, sent over our own connections: bounded in time and in size, and to one host only."""

import re
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from checks.ports import StoreError, UnavailableError
from preserve.stores.s3.access import Access, Place
from preserve.stores.s3.wire import Wire

_SECONDS = 300  # completing an upload takes its time, and says spaces meanwhile
_MOST_BYTES = 64 << 20
_LISTING = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?<(?:\w+:)?ListBucketResult[\s/>]")
_ANOTHER_HOST = "the server sent us to another host"


class _Body:
    """As boto3 reads what came."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


class Sender:
    """Stands where boto3 sends. The host is that of the first request: no answer leads to another one."""

    def __init__(self, place: Place, access: Access, where: str) -> None:
        self._place, self._access, self._where = place, access, where
        self._lock = threading.Lock()
        self._wire: Wire | None = None
        # The stubs of botocore, where they are installed, do not know that a handler may answer in the server's place.
        access.client.meta.events.register("before-send.s3", self._send)  # type: ignore[arg-type, unused-ignore]

    def close(self) -> None:
        with self._lock:
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _send(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        wire, url = self._wire_to(request), urlsplit(request.url)
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        assert isinstance(body, bytes | bytearray)
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        try:
            answer = wire.exchange(request.method or "GET", target, dict(request.headers), bytes(body), self._where)
            try:
                content = answer.all(_MOST_BYTES, _SECONDS)
            finally:
                answer.close()
        except UnavailableError:
            raise
        except StoreError as error:  # in boto3's words, so that it asks once more
            if error.cause == "ETIMEDOUT":
                raise ReadTimeoutError(endpoint_url=self._where, error=error) from error
            if error.cause == "ECONNRESET":
                raise ConnectionClosedError(endpoint_url=self._where, error=error) from error
            raise
        # What boto3 would make of a page for people, or of nothing at all, is a bucket with nothing in it.
        listing = event_name.endswith(".ListObjectsV2") and answer.status == HTTPStatus.OK
        if listing and _LISTING.match(content) is None:
            raise StoreError(f"{self._where}: the server's answer is no listing", cause="the answer is no listing")
        # They ask for a body of urllib3; of it boto3 only calls `stream`.
        return AWSResponse(request.url, answer.status, answer.headers, _Body(content))  # type: ignore[arg-type, unused-ignore]

    def _wire_to(self, request: AWSPreparedRequest) -> Wire:
        url = urlsplit(request.url)
        with self._lock:
            if self._wire is None:
                self._wire = Wire(self._place, self._access, url)
            if not self._wire.leads_to(url):
                raise UnavailableError(
                    f"{self._where}: {_ANOTHER_HOST}; set `region` or `endpoint`", cause=_ANOTHER_HOST
                )
            return self._wire
