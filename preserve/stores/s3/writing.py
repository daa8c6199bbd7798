"""New objects out of buffers that come one after another.

What is known beforehand (size and SHA-256) goes straight onto the connection. Else the bytes wait in a spool, and over
a segment they go in parts of a segment each. S3 wants length and checksum before the body, and checks them: an object
stands whole or not at all.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from checks.ports import StoreError
from preserve.stores.port import ExistsError, Sink
from preserve.stores.s3.errors import CHANGED
from preserve.stores.s3.looks import MTIME, Seen, mtime_of
from preserve.stores.s3.parts import Upload, Uploads
from preserve.stores.s3.spool import IN_MEMORY_BYTES, Spool
from preserve.stores.s3.wire import Push, Wire

_THERE_IS_A_FOLDER = "ExistingObjectIsDirectory"  # of servers that keep objects as files
_NO_ANSWER = frozenset(("ETIMEDOUT", "ECONNRESET", "EAGAIN"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be written. `etag`: of the object that it replaces; None: nothing may stand there."""

    key: bytes
    what: str
    etag: str | None = None
    size_bytes: int | None = None
    sha256: bytes | None = None
    modified_ns: int | None = None
    storage_class: str | None = None

    def headers(self) -> dict[str, str]:
        found = {"If-None-Match": "*"} if self.etag is None else {"If-Match": self.etag}
        if self.storage_class:
            found["x-amz-storage-class"] = self.storage_class
        if self.modified_ns is not None:
            found[MTIME] = mtime_of(self.modified_ns)
        return found

    def begin_options(self) -> dict[str, Any]:
        found: dict[str, Any] = {"StorageClass": self.storage_class} if self.storage_class else {}
        if self.modified_ns is not None:
            found["Metadata"] = {"mtime": mtime_of(self.modified_ns)}
        return found

    def condition(self) -> dict[str, Any]:
        return {"IfNoneMatch": "*"} if self.etag is None else {"IfMatch": self.etag}


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes orders. `look`: the object of that key now; None if there is none."""

    wire: Wire
    uploads: Uploads
    segment_bytes: int
    look: Callable[[bytes, str], Seen | None]

    @contextmanager
    def writing(self, order: Order, upload: Upload | None = None) -> Iterator[Sink]:
        """Stands when the context has ended. With `upload`, its parts need not be given again."""
        size, straight = order.size_bytes, order.sha256 is not None and upload is None
        way: _Straight | _Spooled
        if straight and size is not None and IN_MEMORY_BYTES < size <= self.segment_bytes:
            way = _Straight(self, order)
        else:
            way = _Spooled(self, order, upload)
        try:
            yield way.take
            way.finish()
        except StoreError as error:
            if order.etag is None and error.cause in (CHANGED, _THERE_IS_A_FOLDER):
                raise ExistsError(f"{order.what}: something stands there already", cause="EEXIST") from error
            raise
        finally:
            way.close()

    def put(self, order: Order, content: Spool) -> None:
        push = self.wire.push(order.key, order.what, content.size_bytes, content.sha256(), order.headers())
        try:
            content.pour(push.send)
        except BaseException:
            push.drop()
            raise
        self.settle(order, push, content.sha256(), content.size_bytes)

    def settle(self, order: Order, push: Push, sha256: bytes, size_bytes: int) -> None:
        """Waits for the answer. Where none comes it may stand or not: looks whether what is there is what was sent.

        Nothing is ever taken away again: what stands there may be what another one wrote at the same time.
        """
        try:
            push.finish()
        except StoreError as error:
            if error.cause not in _NO_ANSWER:
                raise
            found = self.look(order.key, order.what)
            if found is None or found.token.etag == order.etag:
                raise
            if (found.sha256, found.stat.size_bytes) == (sha256, size_bytes):
                return
            text = f"{order.what}: no answer came, and what stands there is not known to be what was sent; it was left"
            raise StoreError(text, cause=error.cause) from error


class _Straight:
    """One PUT, written as the buffers come."""

    def __init__(self, writer: Writer, order: Order) -> None:
        assert order.size_bytes is not None
        assert order.sha256 is not None
        self._writer, self._order, self._size_bytes, self._sha256 = writer, order, order.size_bytes, order.sha256
        self._hash = hashlib.sha256()
        self._push: Push | None = None

    def take(self, content: memoryview) -> None:
        order = self._order
        if self._push is None:
            self._push = self._writer.wire.push(order.key, order.what, self._size_bytes, self._sha256, order.headers())
        if self._push.sent_bytes + len(content) >= self._size_bytes:
            # Before the last byte goes: not every server checks the sum that it was given.
            self._hash.update(content)
            if self._push.sent_bytes + len(content) > self._size_bytes or self._hash.digest() != self._sha256:
                raise _other(order)
        else:
            self._hash.update(content)
        self._push.send(content)

    def finish(self) -> None:
        if self._push is None or self._push.sent_bytes != self._size_bytes:
            raise _other(self._order)
        push, self._push = self._push, None
        self._writer.settle(self._order, push, self._sha256, self._size_bytes)

    def close(self) -> None:
        if self._push is not None:
            self._push.drop()


class _Spooled:
    """Keeps a segment at most; one PUT if there was no more, else parts."""

    def __init__(self, writer: Writer, order: Order, upload: Upload | None) -> None:
        self._writer, self._order, self._upload = writer, order, upload
        self._before = len(upload.parts) * writer.segment_bytes if upload is not None else 0
        self._hash = hashlib.sha256() if order.sha256 is not None and upload is None else None
        self._count = self._before
        self._spool = Spool()
        self._done = False

    def take(self, content: memoryview) -> None:
        if self._hash is not None:
            self._hash.update(content)
        self._count += len(content)
        while len(content) > (room := self._writer.segment_bytes - self._spool.size_bytes):
            self._spool.take(content[:room])
            self._add()
            content = content[room:]
        self._spool.take(content)

    def _add(self) -> None:
        order, uploads = self._order, self._writer.uploads
        if self._upload is None:
            for key, upload_id in uploads.unfinished(order.key, order.what):
                if key == order.key:  # what an earlier run began, and this one begins anew
                    uploads.abort(upload_id, key)
            self._upload = uploads.begin(order.key, order.what, order.begin_options())
        uploads.add(self._upload, order.key, order.what, self._spool)
        self._spool.close()
        self._spool = Spool()

    def finish(self) -> None:
        order = self._order
        wrong_sum = self._hash is not None and self._hash.digest() != order.sha256
        if wrong_sum or order.size_bytes not in (None, self._count):
            if self._upload is not None:
                self._writer.uploads.abort(self._upload.id, order.key)
            raise _other(order)
        if self._upload is None:
            self._writer.put(order, self._spool)
            return
        if self._spool.size_bytes:
            self._add()
        self._complete(self._upload)

    def _complete(self, upload: Upload) -> None:
        order = self._order
        try:
            self._writer.uploads.complete(upload, order.key, order.what, order.condition())
        except StoreError:
            # The answer to an earlier try may have been lost.
            found = self._writer.look(order.key, order.what)
            if found is None or (found.sha256_said, found.stat.size_bytes) != (upload.composite(), self._count):
                raise

    def close(self) -> None:
        """Parts that were uploaded stay: a file that was cut off is gone on with, see `Resuming`."""
        self._spool.close()
        if self._upload is not None and not self._upload.parts:
            self._writer.uploads.abort(self._upload.id, self._order.key)


def _other(order: Order) -> StoreError:
    said = base64.b64encode(order.sha256).decode() if order.sha256 else "none"
    return StoreError(
        f"{order.what}: other bytes came than were to be written (SHA-256 {said}, {order.size_bytes} bytes)",
        cause="other bytes",
    )
