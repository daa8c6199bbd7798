"""Reading a bag's tag files: each once, for its lines and its digests at the same time."""

from collections.abc import Iterator, Mapping, Sequence

from checks.algorithms import Hash, new_hash
from checks.digesting import Reading
from checks.evidence import Evidence
from checks.ports import Source, StoreError
from preserve.bag.tags.lines import LINE_LIMIT_BYTES, as_utf8, split_lines
from preserve.bag.trees import Tree

_CHUNK_BYTES = 1 << 18

Lines = Iterator[tuple[int, bytes | None]]


class TagFiles:
    """Opens tag files of one bag, never through a link, and remembers the digests of those read to their end."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.algorithms: Sequence[str] = ()  # which digests are wanted; known once the manifests' names are
        self.last_line_open = False  # of the file whose lines were read last
        self.readings: dict[bytes, Reading] = {}  # by name; of those that were read to their end

    def whole(self, name: bytes, limit_bytes: int) -> bytes:
        """A small file; one byte more than the limit if it is larger. StoreError if it cannot be read."""
        content = b""
        for chunk in self.chunks(name):
            content += chunk
            if len(content) > limit_bytes:
                return content[: limit_bytes + 1]
        return content

    def lines(self, name: bytes, codec: str, *, limit: int = LINE_LIMIT_BYTES) -> Lines:
        """Its lines in UTF-8, as `split_lines` gives them; StoreError, or UnicodeError as `as_utf8` raises it."""
        return split_lines(self._watched(as_utf8(self.chunks(name), codec)), limit)

    def _watched(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        self.last_line_open = False
        for chunk in chunks:
            if chunk:
                self.last_line_open = not chunk.endswith((b"\n", b"\r"))
            yield chunk

    def chunks(self, name: bytes) -> Iterator[bytes]:
        """Its bytes; when the last was taken, its digests are known. StoreError if it cannot be read."""
        source = self._tree.open(name, past_cache=False)
        try:
            hashes = {algorithm: new_hash(algorithm) for algorithm in self.algorithms}
            yield from self._read(name, source, hashes)
        finally:
            source.close()

    def _read(self, name: bytes, source: Source, hashes: Mapping[str, Hash]) -> Iterator[bytes]:
        before = source.stat()
        size_bytes = 0
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        while got := source.readinto(buffer):
            chunk = bytes(buffer[:got])
            for each in hashes.values():
                each.update(chunk)
            size_bytes += got
            yield chunk
        self.readings[name] = Reading(
            path=name,
            size_bytes=size_bytes,
            digests={algorithm: each.digest() for algorithm, each in hashes.items()},
            evidence=source.evidence,
            changed=source.stat().token != before.token,
        )

    def keep(self, name: bytes, content: bytes) -> None:
        """Takes the digests of a file that was read whole before it was known which are wanted."""
        hashes = {algorithm: new_hash(algorithm) for algorithm in self.algorithms}
        for each in hashes.values():
            each.update(content)
        digests = {algorithm: each.digest() for algorithm, each in hashes.items()}
        self.readings[name] = Reading(path=name, size_bytes=len(content), digests=digests, evidence=Evidence.READ)


def cause(error: StoreError) -> str:
    """The short word for people, such as `EIO`."""
    return error.cause or str(error)
