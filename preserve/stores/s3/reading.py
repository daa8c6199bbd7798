"""The reading half of the store that is a bucket of S3: what is there, and the bytes of it."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import BotoCoreError

from checks.inventory import SEGMENT_BYTES
from checks.names import show
from checks.ports import Kind, Listed, NotFoundError, Stat, StoreError, UnavailableError
from preserve.stores.identity import IDENTITY_FILE, LIMIT_BYTES, identity_from
from preserve.stores.local import Name
from preserve.stores.s3.access import Access, Place
from preserve.stores.s3.errors import CHANGED, asking, refused_body, translated
from preserve.stores.s3.keys import Keys, as_text
from preserve.stores.s3.listing import below, first, in_folder, pages
from preserve.stores.s3.looks import Seen, seen
from preserve.stores.s3.parts import Uploads
from preserve.stores.s3.sending import Sender
from preserve.stores.s3.source import S3Source
from preserve.stores.s3.wire import Answer, Wire
from preserve.stores.s3.writing import Writer

IN_FLIGHT = 16
_NO_IDENTITY = "no identity file in it: an empty or another bucket or prefix"
_ERROR_BYTES = 64 << 10
_DECLARATION = b"/bagit.txt"
_CONTRADICTION = "its answers contradict each other"


@dataclass(frozen=True, slots=True)
class _Open:
    access: Access
    sender: Sender
    wire: Wire
    uploads: Uploads
    writer: Writer


class S3Reading:
    """A `checks.ports.Store`; see `preserve.stores.s3.store.S3Store`.

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
        except UnavailableError:
            raise
        except StoreError as error:  # whatever kept it from being read: this replica is away, and no other
            raise UnavailableError(str(error), cause=error.cause or "unreadable") from error
        return identity_from(content, IDENTITY_FILE).uuid

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`. What keys have in common before a `/` is a folder.

        A HEAD that finds nothing says the same of a bucket that is gone: only a listing, which says so, is believed.
        Nor is a listing alone believed: there are servers that give an empty one where they should refuse.
        """
        key, what = self._keys.of(path), self._what(path)
        if not path:
            self._first(self._keys.below(path), what)  # raises if it is the bucket that is gone
            return Stat(Kind.DIRECTORY, 0, None)
        found = self._seen(key, what)
        if found is None and (named := self._first(key, what)) is not None:
            found = self._named(key, what) if named == key else None
            if found is None and self._first(key + b"/", what) is not None:
                return Stat(Kind.DIRECTORY, 0, None)
        if found is not None:
            return found.stat
        self._refuse_hidden(path)
        raise NotFoundError(f"{self._what(path)}: no such object", cause="ENOENT")

    def listing(self, root: bytes) -> Iterator[Listed]:
        """See `checks.ports.Store` and `listing`."""
        return (listed for listed, _ in self._below(root))

    def sizes(self, root: bytes) -> Iterator[tuple[bytes, int]]:
        """See `preserve.stores.capabilities.Sizing`."""
        return ((listed.path, size) for listed, size in self._below(root) if listed.kind is Kind.FILE)

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        """See `preserve.stores.port.WritableStore`; a folder's own mark is no name in it."""
        prefix, what = self._keys.below(folder), self._what(folder)
        as_text(prefix)
        answers = pages(self._open().access.client, self._bucket, prefix, what, Delimiter="/")
        return in_folder(answers, prefix, folder)

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> S3Source:
        """See `checks.ports.Store`. One GET; there is no cache to go past from here, so the evidence is READ.

        What the GET does not find and a listing names is asked for once more: then neither is believed.
        """
        key, what = self._keys.of(path), self._what(path)
        as_text(key)
        try:
            return self._got(path, offset)
        except NotFoundError:
            if self._first(key, what) != key:
                raise
        try:
            return self._got(path, offset)
        except NotFoundError as error:
            raise _contradiction(what) from error

    def _got(self, path: bytes, offset: int) -> S3Source:
        key, what = self._keys.of(path), self._what(path)
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
            wire, sender = Wire(self._place, access), Sender(self._place, access, self.where)
        except (BotoCoreError, ValueError, OSError, UnavailableError) as error:
            raise _unavailable(self.where, error) from error
        uploads = Uploads(access.client, wire, self._bucket, self._segment_bytes)
        writer = Writer(wire=wire, uploads=uploads, segment_bytes=self._segment_bytes, look=self._seen)
        return _Open(access, sender, wire, uploads, writer)

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
        key, what = self._keys.of(path), self._what(path)
        found = self._seen(key, what)
        if found is None and self._first(key, what) == key:  # raises if it is the bucket that is gone
            found = self._named(key, what)
        if found is None:
            raise NotFoundError(f"{what}: no such object", cause="ENOENT")
        return found

    def _first(self, prefix: bytes, what: str) -> bytes | None:
        """The first key that begins so, which the bucket itself must say."""
        as_text(prefix)
        return first(self._open().access.client, self._bucket, prefix, what)

    def _named(self, key: bytes, what: str) -> Seen:
        """HEAD of what a listing names. It may have been made since the last one."""
        found = self._seen(key, what)
        if found is None:
            raise _contradiction(what)
        return found

    def _refuse_hidden(self, folder: bytes) -> None:
        """StoreError if a bag stands where a listing says that there is nothing."""
        what = self._what(folder)
        if folder and self._seen(self._keys.of(folder) + _DECLARATION, what) is not None:
            raise _contradiction(what)

    def _below(self, root: bytes) -> Iterator[tuple[Listed, int]]:
        prefix, what = self._keys.below(root), self._what(root)
        as_text(prefix)
        answers = pages(self._open().access.client, self._bucket, prefix, what)
        return below(answers, prefix, what, absent=partial(self._refuse_hidden, root) if root else None)

    def _content(self, path: bytes, most_bytes: int) -> bytes:
        answer = self._open().wire.ask("GET", self._keys.of(path), self._what(path))
        try:
            if answer.status != 200:
                raise _refused(answer, self._what(path))
            return answer.read(most_bytes)
        finally:
            answer.close()

    def _delete(self, key: bytes, what: str) -> None:
        with asking(what):
            self._open().access.client.delete_object(Bucket=self._bucket, Key=as_text(key))


def _refused(answer: Answer, what: str) -> StoreError:
    """What an answer that is no success means. A 404 that does not say of what is not S3's word that a file is gone."""
    return refused_body(what, answer.status, answer.read(_ERROR_BYTES), answer.headers)


def _contradiction(what: str) -> StoreError:
    return StoreError(f"{what}: the server says that it is there, and that it is not", cause=_CONTRADICTION)


def _unavailable(where: str, error: Exception) -> UnavailableError:
    if isinstance(error, UnavailableError):
        return UnavailableError(f"{where}: {error}", cause=error.cause)
    if isinstance(failed := translated(where, error), UnavailableError):
        return failed
    # The error's own words may be an address with a password in it.
    why = error.strerror if isinstance(error, OSError) and error.strerror else "its settings are not understood"
    return UnavailableError(f"{where}: {why}; look at `endpoint`, `region`, `profile` and the certificates", cause=why)
