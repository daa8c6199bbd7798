"""The store that is a bucket of S3, or what lies below a prefix of one."""

from contextlib import AbstractContextManager
from dataclasses import replace
from hashlib import sha256

from checks.ports import Claim, Kind, NotFoundError, StoreError
from preserve.stores.capabilities import Protection, Thaw
from preserve.stores.port import ExistsError, Sink
from preserve.stores.s3.errors import CHANGED
from preserve.stores.s3.looks import Token
from preserve.stores.s3.provider import claim_of, protection_of, thawed
from preserve.stores.s3.reading import S3Reading
from preserve.stores.s3.writing import Order
from preserve.stores.trial_names import refuse_other_than_trial

_APPENDS = 10  # how often it is tried to add to a file to which others add at the same time


class S3Store(S3Reading):
    """A `WritableStore` with all that it may be able to do besides, but to rename (see `preserve.stores.port`)."""

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
        """See `preserve.stores.capabilities.Replacing`."""
        order = self._order(path, size_bytes, sha256)
        found = self._seen(order.key, order.what)  # not every server knows If-Match
        if found is None or not isinstance(token, Token) or found.token != token:
            raise StoreError(f"{order.what}: it is not the one that was seen", cause=CHANGED)
        return self._open().writer.writing(replace(order, etag=token.etag))

    def written(self, path: bytes) -> int:
        """See `preserve.stores.capabilities.Resuming`: whole segments."""
        found = self._open().uploads.found(self._keys.of(path), self._what(path))
        return len(found.parts) * self._segment_bytes if found is not None else 0

    def resume(
        self, path: bytes, offset: int, *, size_bytes: int, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> AbstractContextManager[Sink]:
        """See `preserve.stores.capabilities.Resuming`. Each part was checked as it came; the whole is not here."""
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
        """See `preserve.stores.capabilities.GivingUp`: unfinished uploads, which cost money."""
        uploads = self._open().uploads
        found = list(uploads.unfinished(self._keys.below(root), self._what(root)))
        for key, upload_id in found:
            uploads.abort(upload_id, key)
        return len(found)

    def refuses_overwriting(self, trial: bytes, content: bytes) -> bool:
        """See `preserve.stores.capabilities.Refusing`: a PUT with `If-None-Match: *`, past the look of `create`."""
        refuse_other_than_trial(trial)
        try:
            with self._open().writer.writing(self._order(trial, len(content), sha256(content).digest())) as sink:
                sink(memoryview(content))
        except ExistsError:
            return True
        return False

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
        """See `preserve.stores.capabilities.Versioned`."""
        return protection_of(self._open().access.client, self._bucket, self.where)

    def thaw(self, path: bytes, days: int) -> Thaw:
        """See `preserve.stores.capabilities.Thawing`."""
        found, client = self._there(path), self._open().access.client
        return thawed(client, self._bucket, self._keys.text(path), found, days, self._what(path))

    def close(self) -> None:
        """See `preserve.stores.port.WritableStore`."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.wire.close()
            opened.sender.close()
            opened.access.client.close()

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
