"""Writing manifests and tag files (RFC 8493 §2.1.3, §2.2), each hashed while it is written."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, cast
from uuid import UUID

from checks.algorithms import Hash, new_hash
from preserve.bag.making.emptyfolders import KEEP
from preserve.bag.making.ignoring import shown
from preserve.bag.making.placing import Placing
from preserve.bag.making.request import (
    EMPTY_FOLDERS,
    FOLLOWED_LINKS,
    IGNORED_FILES,
    IGNORED_PATTERN,
    BagRequest,
    EmptyFolders,
    PayloadFile,
)
from preserve.bag.making.worklog import WorkLog
from preserve.bag.tags import declaration, info
from preserve.bag.tags.info import OXUM, Oxum
from preserve.bag.tags.manifests import manifest_line, manifest_name
from preserve.bag.tags.paths import PAYLOAD, encoded
from preserve.stores.durable import writing


@dataclass(slots=True, kw_only=True)
class LoggedPayload:
    """The payload as the log knows it; see `preserve.bag.making.request.Payload`."""

    log: WorkLog
    root: bytes  # below it lie the files, without `data/`
    paths: Sequence[bytes]  # those that are there, in order; the log may know of more
    uuid: UUID
    started_at: datetime
    ended_at: datetime
    algorithms: Sequence[str]
    ignored_files: int = 0  # left out by choice
    links_followed: int = 0
    file_count: int = 0
    size_bytes: int = 0

    def hex_entries(self) -> Iterator[tuple[bytes, int, bytes]]:
        """(path below the source, size in bytes, digests in hex one after the other)."""
        entries = self.log.entries()
        entry = next(entries, None)
        for path in self.paths:
            while entry is not None and entry.path < path:
                entry = next(entries, None)
            if entry is None or entry.path != path:
                raise AssertionError(f"not in the log: {path!r}")
            yield path, entry.size_bytes, entry.digests

    def files(self) -> Iterator[PayloadFile]:
        cuts = list(_cuts(self.algorithms))
        for path, size, digests in self.hex_entries():
            each = {name: bytes.fromhex(digests[start:stop].decode("ascii")) for name, start, stop in cuts}
            yield PayloadFile(PAYLOAD + path, size, each)

    def locate(self, path: bytes) -> bytes:
        return os.path.join(self.root, path.removeprefix(PAYLOAD))


def _cuts(algorithms: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Where each algorithm's digest stands among the hex digits of a log's line."""
    start = 0
    for algorithm in algorithms:
        stop = start + 2 * len(new_hash(algorithm).digest())
        yield algorithm, start, stop
        start = stop


def tag_names(request: BagRequest) -> set[bytes]:
    """All tag files of the bag that is asked for, from its root."""
    manifests = {manifest_name(name, of_payload=which) for name in request.algorithms for which in (True, False)}
    return {declaration.NAME, info.NAME, *manifests, *(tag_file.path for tag_file in request.tag_files)}


class TagWriter:
    """Writes the tag files of one bag below `folder`, all but bagit.txt, whose content is always the same."""

    def __init__(self, folder: bytes, algorithms: Sequence[str]) -> None:
        self._folder = folder
        self._placing = Placing(folder)
        self._algorithms = algorithms
        self._digests: dict[bytes, Mapping[str, bytes]] = {}

    def write(self, request: BagRequest, payload: LoggedPayload) -> None:
        """Payload manifests, bag-info.txt, the others' tag files, and the tag manifests over all of them."""
        try:
            self._write(request, payload)
        finally:
            self._placing.close()

    def _write(self, request: BagRequest, payload: LoggedPayload) -> None:
        self._manifests(payload)
        with self._file(info.NAME) as stream:
            stream.writelines(info.written(self._info(request, payload)))
        for tag_file in request.tag_files:
            with self._file(tag_file.path) as stream:
                tag_file.write(cast(BinaryIO, stream), payload)
        self._digests[declaration.NAME] = self._hashed(declaration.CONTENT_1_0)
        lines = sorted(self._digests.items())
        for algorithm in self._algorithms:
            with self._file(manifest_name(algorithm, of_payload=False), listed=False) as stream:
                stream.writelines(manifest_line(digests[algorithm], path) for path, digests in lines)

    def _manifests(self, payload: LoggedPayload) -> None:
        """All payload manifests in one pass over the log; counts the payload on the way."""
        payload.file_count = payload.size_bytes = 0
        with ExitStack() as stack:
            streams = [
                (start, stop, stack.enter_context(self._file(manifest_name(name, of_payload=True))).write)
                for name, start, stop in _cuts(self._algorithms)
            ]
            for path, size, digests in payload.hex_entries():
                payload.file_count += 1
                payload.size_bytes += size
                ending = b"  data/" + encoded(path) + b"\n"
                for start, stop, write in streams:
                    write(digests[start:stop] + ending)

    def _info(self, request: BagRequest, payload: LoggedPayload) -> Iterator[tuple[str, str]]:
        known = {
            "Bagging-Date": datetime.now(UTC).date().isoformat(),
            OXUM: str(Oxum(payload.size_bytes, payload.file_count)),
            "Package-UUID": str(payload.uuid),
        }
        for label, value in request.info:
            yield label, known[label] if value is None else value
        yield from _chosen(request, payload)

    @contextmanager
    def _file(self, path: bytes, *, listed: bool = True) -> Iterator["HashedFile"]:
        full = os.path.join(self._folder, path)
        with writing(full), open(self._placing.create(path, 0o666), "wb", buffering=0) as raw:
            stream = HashedFile(raw, self._algorithms)
            yield stream
            stream.flush()
        if listed:
            self._digests[path] = stream.digests()

    def _hashed(self, content: bytes) -> Mapping[str, bytes]:
        hashes = {algorithm: new_hash(algorithm) for algorithm in self._algorithms}
        for each in hashes.values():
            each.update(content)
        return {algorithm: each.digest() for algorithm, each in hashes.items()}


def _chosen(request: BagRequest, payload: LoggedPayload) -> Iterator[tuple[str, str]]:
    """What a reader of the bag must know of how it was made: that it is not all, or not only, what the source was."""
    for pattern in dict.fromkeys(request.ignore):
        yield IGNORED_PATTERN, shown(pattern)
    if request.ignore:
        yield IGNORED_FILES, str(payload.ignored_files)
    if request.empty_folders is EmptyFolders.KEEP:
        yield EMPTY_FOLDERS, f"an empty file {KEEP.decode()} stands in each"
    if request.follow_links:
        yield FOLLOWED_LINKS, str(payload.links_followed)


class HashedFile:
    """A writable stream that is hashed on its way to the file."""

    _ROOM = 1 << 18

    def __init__(self, raw: BinaryIO, algorithms: Sequence[str]) -> None:
        self._raw = raw
        self._hashes: dict[str, Hash] = {algorithm: new_hash(algorithm) for algorithm in algorithms}
        self._held = bytearray()

    def write(self, data: bytes, /) -> int:
        """Takes all of it."""
        self._held += data
        if len(self._held) >= self._ROOM:
            self.flush()
        return len(data)

    def writelines(self, lines: "Iterator[bytes]", /) -> None:
        """Takes all of them."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hashes and writes what is held."""
        held, self._held = bytes(self._held), bytearray()
        for each in self._hashes.values():
            each.update(held)
        view = memoryview(held)
        while view:
            view = view[self._raw.write(view) :]

    def digests(self) -> Mapping[str, bytes]:
        """Of all that was written."""
        return {algorithm: each.digest() for algorithm, each in self._hashes.items()}
