"""The store that is a bucket of S3, or what lies below a prefix of one."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from checks.inventory import SEGMENT_BYTES
from checks.names import show
from checks.ports import Claim, Kind, Listed, NotFoundError, Stat, StoreError, UnavailableError
from preserve.stores.identity import IDENTITY_FILE, LIMIT_BYTES, identity_from
from preserve.stores.local import Name
from preserve.stores.port import ExistsError, Protection, Sink, Thaw
from preserve.stores.s3.access import Access, Place
from preserve.stores.s3.errors import CHANGED, refused_body, translated
from preserve.stores.s3.keys import Keys, as_text
from preserve.stores.s3.listing import below, in_folder, pages
from preserve.stores.s3.looks import Seen, Token, seen
from preserve.stores.s3.parts import Uploads
from preserve.stores.s3.provider import claim_of, protection_of, thawed
from preserve.stores.s3.source import S3Source
from preserve.stores.s3.wire import Answer, Wire
from preserve.stores.s3.writing import Order, Writer

IN_FLIGHT = 16
_APPENDS = 10  # how often it is tried to add to a file to which others add at the same time
_NO_IDENTITY = "no identity file in it: an empty or another bucket or prefix"
_ERROR_BYTES = 64 << 10
_FAILED = (ClientError, BotoCoreError)


@dataclass(frozen=True, slots=True)
class _Open:
    access: Access
    wire: Wire
    uploads: Uploads
    writer: Writer


class S3Store:
    """A `WritableStore` that is also Replacing, Resuming, Claiming, Versioned, Thawing and Sizing.

    Safe between threads. Making one asks for nothing; it connects when it is first asked.

    Args:
        prefix: of all keys, without a `/` at either end; may be empty.
        credentials: access key id, secret key and maybe a session token; None: the SDK's own chain.
        where: the place, for people; `s3://bucket/prefix` if none.
        segment_bytes: files over this are uploaded in parts of this size.
    """

    def __init__(
        self,
        bucket: str,
        prefix: bytes,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        path_style: bool | None = None,
        storage_class: str | None = None,
        credentials: Sequence[str] | Callable[[], Sequence[str]] | None = None,
        where: str = "",
        segment_bytes: int = SEGMENT_BYTES,
        connect_seconds: float = 10,
        read_seconds: float = 60,
    ) -> None:
        self.where = where or f"s3://{bucket}/{show(prefix)}".rstrip("/")
        self.in_flight = IN_FLIGHT
        self._bucket, self._keys = bucket, Keys(prefix)
        self._storage_class, self._segment_bytes = storage_class, segment_bytes
        self._place = Place(
            bucket=bucket,
            endpoint=endpoint,
            region=region,
            profile=profile,
            path_style=path_style,
            credentials=credentials,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            connections=IN_FLIGHT,
        )
        self._lock = threading.Lock()
        self._appending = threading.Lock()
        self._opened: _Open | None = None

    # ---- reading ---------------------------------------------------------------------------------------------

    def identity(self) -> str:
        """The replica's UUID, read anew; see `checks.ports.Store`."""
        try:
            content = self._content(IDENTITY_FILE, LIMIT_BYTES)
        except NotFoundError as error:
            raise UnavailableError(f"{self.where}: {_NO_IDENTITY}", cause=_NO_IDENTITY) from error
        return identity_from(content, IDENTITY_FILE).uuid

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`. What keys have in common before a `/` is a folder.

        A HEAD that finds nothing says the same of a bucket that is gone: only a listing, which says so, is believed.
        """
        found = self._seen(self._keys.of(path), self._what(path)) if path else None
        if found is not None:
            return found.stat
        if self._is_folder(path):
            return Stat(Kind.DIRECTORY, 0, None)
        raise NotFoundError(f"{self._what(path)}: no such object", cause="ENOENT")

    def listing(self, root: bytes) -> Iterator[Listed]:
        """See `checks.ports.Store` and `listing`."""
        return (listed for listed, _ in self._below(root))

    def sizes(self, root: bytes) -> Iterator[tuple[bytes, int]]:
        """See `preserve.stores.port.Sizing`."""
        return ((listed.path, size) for listed, size in self._below(root) if listed.kind is Kind.FILE)

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        """See `preserve.stores.port.WritableStore`; a folder's own mark is no name in it."""
        prefix, what = self._keys.below(folder), self._what(folder)
        as_text(prefix)
        answers = pages(self._open().access.client, self._bucket, prefix, what, Delimiter="/")
        return in_folder(answers, prefix, folder)

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> S3Source:
        """See `checks.ports.Store`. One GET; there is no cache to go past from here, so the evidence is READ."""
        key, what = self._keys.of(path), self._what(path)
        as_text(key)
        answer = self._open().wire.ask("GET", key, what, **({"Range": f"bytes={offset}-"} if offset else {}))
        look = partial(self._look_again, path)
        if answer.status == 416 and offset:
            answer.close(keep=False)
            return S3Source(path, None, look(), look, offset)
        try:
            # Some servers send just the part that was asked for, and call it 200: the range tells.
            if answer.status not in ((206, 200) if offset else (200,)):
                raise _refused(answer, what)
            if offset and not (answer.headers.get("content-range") or "").startswith(f"bytes {offset}-"):
                raise StoreError(f"{what}: the server answered with another part of it", cause="another range")
            if answer.left is None:
                raise StoreError(f"{what}: the server does not say how much it sends", cause="no size")
            first = seen(answer.headers, what).stat
        except StoreError:
            answer.close(keep=False)
            raise
        return S3Source(path, answer, first, look, offset)

    def _look_again(self, path: bytes) -> Stat:
        found = self._seen(self._keys.of(path), self._what(path))
        if found is None:
            raise StoreError(f"{self._what(path)}: gone while it was read", cause=CHANGED)
        return found.stat

    # ---- writing ---------------------------------------------------------------------------------------------

    def create(
        self, path: bytes, *, size_bytes: int | None = None, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> AbstractContextManager[Sink]:
        """See `preserve.stores.port.WritableStore`."""
        order = self._order(path, size_bytes, sha256)
        self._nothing_there(order)
        return self._open().writer.writing(replace(order, modified_ns=modified_ns))

    def replacing(
        self, path: bytes, token: object, *, size_bytes: int | None = None, sha256: bytes | None = None
    ) -> AbstractContextManager[Sink]:
        """See `preserve.stores.port.Replacing`."""
        order = self._order(path, size_bytes, sha256)
        found = self._seen(order.key, order.what)  # not every server knows If-Match
        if found is None or not isinstance(token, Token) or found.token != token:
            raise StoreError(f"{order.what}: it is not the one that was seen", cause=CHANGED)
        return self._open().writer.writing(replace(order, etag=token.etag))

    def written(self, path: bytes) -> int:
        """See `preserve.stores.port.Resuming`: whole segments."""
        found = self._open().uploads.found(self._keys.of(path), self._what(path))
        return len(found.parts) * self._segment_bytes if found is not None else 0

    def resume(
        self, path: bytes, offset: int, *, size_bytes: int, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> AbstractContextManager[Sink]:
        """See `preserve.stores.port.Resuming`. Each part was checked as it came; the whole is not here."""
        order = replace(self._order(path, size_bytes, sha256), modified_ns=modified_ns)
        self._nothing_there(order)
        opened = self._open()
        upload = opened.uploads.found(order.key, order.what) if offset else None
        if upload is not None:
            opened.uploads.expect(upload, offset, order.what)
        elif offset:
            raise StoreError(f"{order.what}: no unfinished upload of it is there", cause=CHANGED)
        return opened.writer.writing(order, upload)

    def give_up(self, root: bytes) -> int:
        """Takes away all unfinished uploads below a folder, which cost money and stand under no name; how many."""
        uploads = self._open().uploads
        found = list(uploads.unfinished(self._keys.below(root), self._what(root)))
        for key, upload_id in found:
            uploads.abort(upload_id, key)
        return len(found)

    def append(self, path: bytes, content: bytes) -> None:
        """See `preserve.stores.port.WritableStore`: the file is written anew if nobody else did so meanwhile."""
        with self._appending:
            for _ in range(_APPENDS):
                try:
                    self._append_once(path, content)
                    return
                except ExistsError:
                    continue
                except StoreError as error:
                    if error.cause != CHANGED:
                        raise
        raise StoreError(f"{self._what(path)}: others write to it all the time", cause="EAGAIN")

    def _append_once(self, path: bytes, content: bytes) -> None:
        found = self._seen(self._keys.of(path), self._what(path))
        if found is None:
            with self.create(path) as sink:
                sink(memoryview(content))
            return
        source = self.open(path, past_cache=False)
        try:
            token, before = source.stat().token, bytearray()
            buffer = memoryview(bytearray(64 << 10))
            while count := source.readinto(buffer):
                before += buffer[:count]
        finally:
            source.close()
        with self.replacing(path, token) as sink:
            sink(memoryview(before + content))

    def remove(self, path: bytes) -> None:
        """See `preserve.stores.port.WritableStore`. S3 itself also says yes where there was nothing."""
        if self.stat(path).kind is not Kind.FILE:
            raise NotFoundError(f"{self._what(path)}: no such object", cause="ENOENT")
        self._delete(self._keys.of(path), self._what(path))

    def remove_folder(self, path: bytes) -> None:
        """Nothing: a folder goes with the last of its files."""

    def free_bytes(self) -> int | None:
        """Nobody says."""
        return None

    def refused(self, path: bytes) -> str | None:
        """See `preserve.stores.port.WritableStore`."""
        return self._keys.refused(path)

    # ---- what the provider says ------------------------------------------------------------------------------

    def claim(self, path: bytes) -> Claim:
        """See `checks.ports.Claiming`."""
        found = self._there(path)
        client = self._open().access.client
        return claim_of(client, self._bucket, self._keys.text(path), found, self._segment_bytes, self._what(path))

    def protection(self) -> Protection:
        """See `preserve.stores.port.Versioned`."""
        return protection_of(self._open().access.client, self._bucket, self.where)

    def thaw(self, path: bytes, days: int) -> Thaw:
        """See `preserve.stores.port.Thawing`."""
        found, client = self._there(path), self._open().access.client
        return thawed(client, self._bucket, self._keys.text(path), found, days, self._what(path))

    def close(self) -> None:
        """See `preserve.stores.port.WritableStore`."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.wire.close()
            opened.access.client.close()

    # ---- below -----------------------------------------------------------------------------------------------

    def _what(self, path: bytes) -> str:
        return f"{self.where}/{show(path)}" if path else self.where

    def _open(self) -> _Open:
        if (opened := self._opened) is not None:
            return opened
        with self._lock:
            if self._opened is None:
                self._opened = self._connected()
            return self._opened

    def _connected(self) -> _Open:
        try:
            access = Access(self._place)
        except (BotoCoreError, ValueError, OSError) as error:
            raise _unavailable(self.where, error) from error
        wire = Wire(self._place, access)
        uploads = Uploads(access.client, wire, self._bucket, self._segment_bytes)
        writer = Writer(
            wire=wire, uploads=uploads, segment_bytes=self._segment_bytes, look=self._seen, remove=self._delete
        )
        return _Open(access, wire, uploads, writer)

    def _seen(self, key: bytes, what: str) -> Seen | None:
        """HEAD. None: nothing there, and maybe no bucket."""
        as_text(key)
        answer = self._open().wire.ask("HEAD", key, what, **{"x-amz-checksum-mode": "ENABLED"})
        answer.close()
        if answer.status == 200:
            return seen(answer.headers, what)
        if answer.status == 404:
            return None
        raise refused_body(what, answer.status, b"", answer.headers)

    def _there(self, path: bytes) -> Seen:
        found = self._seen(self._keys.of(path), self._what(path))
        if found is None:
            self._is_folder(path)  # raises if it is the bucket that is gone
            raise NotFoundError(f"{self._what(path)}: no such object", cause="ENOENT")
        return found

    def _is_folder(self, path: bytes) -> bool:
        """Whether any key lies below it, which the bucket itself must say."""
        prefix = as_text(self._keys.below(path))
        try:
            answer = self._open().access.client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1)
        except _FAILED as error:
            raise translated(self._what(path), error) from error
        return path == b"" or bool(answer.get("Contents"))

    def _below(self, root: bytes) -> Iterator[tuple[Listed, int]]:
        prefix, what = self._keys.below(root), self._what(root)
        as_text(prefix)
        answers = pages(self._open().access.client, self._bucket, prefix, what)
        return below(answers, prefix, what, must_be=root != b"")

    def _content(self, path: bytes, most_bytes: int) -> bytes:
        answer = self._open().wire.ask("GET", self._keys.of(path), self._what(path))
        try:
            if answer.status != 200:
                raise _refused(answer, self._what(path))
            return answer.read(most_bytes)
        finally:
            answer.close()

    def _order(self, path: bytes, size_bytes: int | None, sha256: bytes | None) -> Order:
        if (why := self.refused(path)) is not None:
            raise StoreError(f"{self._what(path)}: {why}", cause="EINVAL")
        return Order(
            key=self._keys.of(path),
            what=self._what(path),
            size_bytes=size_bytes,
            sha256=sha256,
            storage_class=self._storage_class,
        )

    def _nothing_there(self, order: Order) -> None:
        """Not every server knows If-None-Match."""
        if self._seen(order.key, order.what) is not None:
            raise ExistsError(f"{order.what}: something stands there already", cause="EEXIST")

    def _delete(self, key: bytes, what: str) -> None:
        try:
            self._open().access.client.delete_object(Bucket=self._bucket, Key=as_text(key))
        except _FAILED as error:
            raise translated(what, error) from error


def _refused(answer: Answer, what: str) -> StoreError:
    """What an answer that is no success means. A 404 that does not say of what is not S3's word that a file is gone."""
    return refused_body(what, answer.status, answer.read(_ERROR_BYTES), answer.headers)


def _unavailable(where: str, error: Exception) -> UnavailableError:
    failed = translated(where, error)
    if isinstance(failed, UnavailableError):
        return failed
    return UnavailableError(f"{where}: {error}", cause="its settings are not understood")
