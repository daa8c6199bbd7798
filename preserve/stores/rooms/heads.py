"""Heads of the catalog's journal on a replica far away: the same files as on a disk, see `preserve.stores.heads`."""

from datetime import datetime
from io import BytesIO
from uuid import UUID

from checks.ports import NotFoundError, StoreError
from preserve.stores.heads import FOLDER, MOST_BYTES, KeptHead, addition, gather, line_of, refuse_too_large
from preserve.stores.identity import IDENTITY_FILE
from preserve.stores.port import WritableStore
from preserve.stores.rooms.writing import content_of, place, writing


class FarHeads:
    """The heads of one catalog's journal on one replica."""

    def __init__(self, store: WritableStore, catalog: UUID) -> None:
        self._store = store
        self._catalog = str(catalog).encode()
        self.name = self._catalog + b".txt"
        self._path = FOLDER + b"/" + self.name

    def append(self, number: int, hash: bytes, at: datetime) -> None:
        """Adds one line. The replica must be there: nothing is made where none is.

        Raises:
            UndeterminedError: it cannot be written, or what stands there is far too large.
        """
        line = line_of(number, hash, at)
        where = place(self._store, self._path)
        with writing(where):
            self._store.stat(IDENTITY_FILE)
            size_bytes = self._size()
            refuse_too_large(size_bytes, where)
            self._store.append(self._path, addition(self._catalog, line, self._last(size_bytes)))

    def _size(self) -> int:
        try:
            return self._store.stat(self._path).size_bytes
        except NotFoundError:
            return 0

    def _last(self, size_bytes: int) -> bytes:
        if not size_bytes:
            return b""
        source = self._store.open(self._path, past_cache=False, offset=size_bytes - 1, expected_bytes=size_bytes)
        try:
            buffer = bytearray(1)
            return bytes(buffer[: source.readinto(memoryview(buffer))])
        finally:
            source.close()

    def read(self) -> tuple[list[KeptHead], list[str]]:
        """The heads in the order of their lines, and what is wrong with the file; see `preserve.stores.heads`."""
        kept, faults = list[KeptHead](), list[str]()
        try:
            size_bytes = self._store.stat(self._path).size_bytes
            content = content_of(self._store, self._path, min(size_bytes, MOST_BYTES) + 1)
        except NotFoundError:
            return [], []
        except StoreError as error:
            return [], [f"it could not be read ({error.cause or error})"]
        gather(BytesIO(content), max(size_bytes, len(content)), self._catalog, kept, faults)
        return kept, faults
