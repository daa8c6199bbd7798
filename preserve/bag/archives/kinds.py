"""Which kind of archive a file is: by what it begins with, and by the end of its name where that tells nothing."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

from preserve.bag.archives.packed import PackedFile
from preserve.bag.archives.tar_headers import BLOCK_BYTES, parse
from preserve.bag.archives.unpacking import Decompressor, bzip2_stream, gzip_stream, xz_stream


class ArchiveKind(StrEnum):
    """The serialisations that are read."""

    TAR = "tar"
    TAR_GZIP = "tar, gzip"
    TAR_BZIP2 = "tar, bzip2"
    TAR_XZ = "tar, xz"
    ZIP = "zip"

    @property
    def extensions(self) -> tuple[bytes, ...]:
        """The ends of names that tell it, the usual one first."""
        return _EXTENSIONS[self]


_EXTENSIONS: Mapping[ArchiveKind, tuple[bytes, ...]] = MappingProxyType(
    {
        ArchiveKind.TAR: (b".tar",),
        ArchiveKind.TAR_GZIP: (b".tar.gz", b".tgz"),
        ArchiveKind.TAR_BZIP2: (b".tar.bz2", b".tbz2", b".tbz"),
        ArchiveKind.TAR_XZ: (b".tar.xz", b".txz"),
        ArchiveKind.ZIP: (b".zip",),
    }
)
_BEGINNINGS: Mapping[bytes, ArchiveKind] = MappingProxyType(
    {
        b"PK\3\4": ArchiveKind.ZIP,
        b"PK\5\6": ArchiveKind.ZIP,  # an empty one
        b"\x1f\x8b": ArchiveKind.TAR_GZIP,
        b"BZh": ArchiveKind.TAR_BZIP2,
        b"\xfd7zXZ\0": ArchiveKind.TAR_XZ,
    }
)
DECOMPRESSORS: Mapping[ArchiveKind, Callable[[], Decompressor]] = MappingProxyType(
    {
        ArchiveKind.TAR_GZIP: gzip_stream,
        ArchiveKind.TAR_BZIP2: bzip2_stream,
        ArchiveKind.TAR_XZ: xz_stream,
    }
)


def kind_of(packed: PackedFile) -> ArchiveKind | None:
    """The kind of an open file; None if it is none of them. StoreError if it cannot be read."""
    block = packed.read_at(0, BLOCK_BYTES)
    if len(block) == BLOCK_BYTES and parse(block) is not None:  # a tar's first name may begin with anything
        return ArchiveKind.TAR
    for beginning, kind in _BEGINNINGS.items():
        if block.startswith(beginning):
            return kind
    return next((kind for kind in ArchiveKind if extension_of(packed.path, kind) is not None), None)


def extension_of(name: bytes, kind: ArchiveKind) -> bytes | None:
    """The end of a name that tells this kind, as it is written there; None if it has none."""
    for extension in kind.extensions:
        if name.lower().endswith(extension):
            return name[-len(extension) :]
    return None
