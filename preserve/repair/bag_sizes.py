"""The sizes of files that no copy has whole, as the bag's PREMIS file tells them."""

import io
from collections.abc import Collection, Mapping, Sequence
from typing import BinaryIO, cast

from checks.algorithms import normalised
from checks.ports import Source, StoreError
from premis.errors import PremisError
from premis.model import Object
from premis.reader import read_document
from preserve.provenance.ingestion import PREMIS_PATH
from preserve.provenance.names import from_location
from preserve.repair.found_bags import Claim, FoundBag


def stated_sizes(
    bags: Sequence[FoundBag], claims: Mapping[bytes, Claim], wanted: Mapping[bytes, Claim]
) -> dict[bytes, int]:
    """path -> size in bytes, of the wanted files whose digests stand there as the manifests claim them.

    Only a PREMIS file that is as the tag manifests say is asked.
    """
    claim = claims.get(PREMIS_PATH, {})
    for bag in bags:
        seen = bag.seen.get(PREMIS_PATH)
        if seen is not None and claim and all(seen.digests.get(name) == digest for name, digest in claim.items()):
            try:
                source = bag.store.open(PREMIS_PATH, past_cache=False)
            except StoreError:
                continue
            with io.BufferedReader(_Stream(source), 1 << 18) as stream:
                return _sizes(cast(BinaryIO, stream), wanted)
    return {}


def _sizes(stream: BinaryIO, wanted: Mapping[bytes, Claim]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    try:
        for entity in read_document(stream):
            if isinstance(entity, Object):
                path, size, digests = _told(entity, wanted)
                # A record that tells another digest than the manifests is of another file.
                if path is not None and size is not None and digests.items() & wanted[path].items():
                    found[path] = size
    except (PremisError, StoreError):
        pass  # what came before the fault stands there nevertheless
    return found


def _told(entity: Object, wanted: Collection[bytes]) -> tuple[bytes | None, int | None, dict[str, bytes]]:
    for storage in entity.storages:
        path = None if storage.location is None else from_location(storage.location.value)
        if path in wanted and entity.characteristics:
            first = entity.characteristics[0]
            digests = {}
            for fixity in first.fixities:
                try:
                    digests[normalised(fixity.algorithm.label)] = bytes.fromhex(fixity.digest)
                except ValueError:
                    continue
            return path, first.size_bytes, digests
    return None, None, {}


class _Stream(io.RawIOBase):
    """A store's source as Python's readers want it."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        return self._source.readinto(memoryview(buffer))

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()
