"""Canaries on a replica far away: the same files as on a disk, see `preserve.stores.canaries`."""

import secrets
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from checks.canaries import CANARIES, Canary
from checks.evidence import Evidence
from checks.ports import Kind, NotFoundError, StoreError
from preserve.stores.canaries import FOLDER, Look, compared
from preserve.stores.capabilities import Renaming
from preserve.stores.identity import IDENTITY_FILE
from preserve.stores.port import ExistsError, WritableStore
from preserve.stores.rooms.writing import copy, names_below, place, put, reading, writing


class FarCanaries:
    """Those of one replica."""

    def __init__(self, store: WritableStore) -> None:
        self._store = store
        self._where = place(store, FOLDER)

    def ensure(self, at: datetime, damaged: Collection[bytes] = ()) -> tuple[bytes, ...]:
        """Writes the canaries that are missing, and gives their names; see `preserve.stores.canaries.ensure`."""
        missing = self._missing()
        if not damaged and not missing:
            return ()
        with writing(self._where):
            self._store.stat(IDENTITY_FILE)  # none is made where no replica is
            for name in damaged:
                self._set_aside(name, at)
            missing = self._missing()
            for canary in missing:
                with suppress(ExistsError):  # another run was faster: the same bytes
                    put(self._store, FOLDER + b"/" + canary.name, canary.content())
        return tuple(canary.name for canary in missing)

    def _missing(self) -> list[Canary]:
        with reading(self._where):
            standing = {name.removesuffix(b"/") for name in names_below(self._store, FOLDER)}
        return [canary for canary in CANARIES if canary.name not in standing]

    def _set_aside(self, name: bytes, at: datetime) -> None:
        """Whatever stands there is kept, for whoever looks into what happened to this replica."""
        source = FOLDER + b"/" + name
        aside = source + f".damaged-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}".encode()
        with suppress(NotFoundError):
            if isinstance(self._store, Renaming):
                self._store.rename(source, aside)
                return
            self._store.stat(source)
            copy(self._store, source, partial(self._store.create, aside), aside)
            self._store.remove(source)

    def look(self, canary: Canary) -> Look:
        """Reads a canary by the shortest way there is, without digests, and compares its bytes."""
        path = FOLDER + b"/" + canary.name
        try:
            if self._store.stat(path).kind is not Kind.FILE:
                return Look("it is not a regular file")
            source = self._store.open(path, past_cache=True)
            try:
                content, most = bytearray(), max(each.size_bytes for each in CANARIES) + 1
                buffer = memoryview(bytearray(1 << 16))
                while len(content) < most and (got := source.readinto(buffer)):
                    content += buffer[:got]
                past_cache = source.evidence > Evidence.READ
            finally:
                source.close()
        except NotFoundError:
            return Look("it is not there", missing=True)
        except StoreError as error:
            return Look(f"it could not be read ({error.cause or error})")
        return compared(canary, bytes(content), past_cache)
