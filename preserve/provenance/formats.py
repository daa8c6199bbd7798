"""Identification of formats by PRONOM's signatures, with siegfried (compiled into the optional `pygfried`).

What is not known is said to be unknown, and how a format was known is said beside it. A file is opened here, without
following a link and without waiting on a FIFO, and handed to siegfried as that descriptor: any name will do, and the
file that is looked at is the file that was opened. siegfried holds the interpreter's lock while it works, so files
go to it in small batches, and its own workers do what threads could not.
"""

import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, Self

UNKNOWN = "unknown"

_BATCH_FILES = 64  # some 10 ms of small files; also the descriptors that are open at once
_WORKERS = min(4, os.cpu_count() or 1)
_SUFFIX_CHARACTERS = 64
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What is known of a file's format.

    Attributes:
        name: the format's name in the registry; `UNKNOWN` where only the note can say something.
        registry_key: PRONOM's identifier (PUID), such as `fmt/11`.
        note: how it is known where that is not by signature alone, or why it is not known.
        tentative: known by the extension of the file's name only; the content did not confirm it.
    """

    name: str
    version: str | None = None
    registry_key: str | None = None
    note: str = ""
    tentative: bool = False

    @property
    def identified(self) -> bool:
        """Whether it is one format and not several, or none."""
        return self.registry_key is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatSoftware:
    """What identified: program, its version, and the signatures that it knew."""

    name: str
    version: str
    signatures: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}" + (f" / {self.signatures}" if self.signatures else "")


class FormatIdentifier(Protocol):
    """Says what files are. Safe to use from several threads; never raises for what a file is or does."""

    @property
    def software(self) -> FormatSoftware | None:
        """What does the work; None if nothing here can."""

    def identify(self, path: bytes) -> Format | None:
        """The format of one file; None if it is unknown. An empty file's is unknown."""

    def identify_many(self, paths: Sequence[bytes]) -> list[Format | None]:
        """The format of each file, in the order given; faster than one by one."""


def identifier() -> FormatIdentifier:
    """Identification by PRONOM if `pygfried` is installed (the extra `formats`), else one that knows nothing."""
    try:
        import pygfried
    except ImportError:
        return NoIdentifier()
    return PronomIdentifier(pygfried)


class NoIdentifier:
    """Knows no format."""

    software: FormatSoftware | None = None

    def identify(self, path: bytes) -> Format | None:
        return None

    def identify_many(self, paths: Sequence[bytes]) -> list[Format | None]:
        return [None] * len(paths)


class PronomIdentifier:
    """Asks siegfried. Its signatures are loaded (0.1 s, 100 MB) when it is first asked something."""

    def __init__(self, pygfried: ModuleType) -> None:
        self._pygfried = pygfried

    @cached_property
    def software(self) -> FormatSoftware:
        about = self._pygfried.identify_many([])
        signatures = ", ".join(f"PRONOM {each['details']}" for each in about["identifiers"])
        return FormatSoftware(
            name="siegfried",
            version=about["siegfried"],
            signatures=f"{signatures} (pygfried {metadata.version('pygfried')})",
        )

    def identify(self, path: bytes) -> Format | None:
        return self.identify_many([path])[0]

    def identify_many(self, paths: Sequence[bytes]) -> list[Format | None]:
        formats: list[Format | None] = []
        with _Links() as links:
            for start in range(0, len(paths), _BATCH_FILES):
                formats += self._batch(paths[start : start + _BATCH_FILES], links)
        return formats

    def _batch(self, paths: Sequence[bytes], links: "_Links") -> list[Format | None]:
        formats: list[Format | None] = [None] * len(paths)
        places: dict[str, int] = {}
        with ExitStack() as stack:
            for place, path in enumerate(paths):
                try:
                    descriptor = os.open(path, _OPEN)
                    stack.callback(os.close, descriptor)
                    status = os.fstat(descriptor)
                except (OSError, ValueError) as error:
                    formats[place] = _not_examined(getattr(error, "strerror", None) or str(error))
                    continue
                if not stat.S_ISREG(status.st_mode):
                    formats[place] = _not_examined("not a regular file")
                elif status.st_size > 0:
                    places[links.to(descriptor, _suffix(path))] = place
            if places:
                for found in self._pygfried.identify_many(list(places), workers=_WORKERS)["files"]:
                    formats[places[found["filename"]]] = _format(found)
        return formats


class _Links:
    """Names for descriptors: PRONOM knows some formats by the extension only, and a descriptor has none.

    A link says `/proc/self/fd/N`, whatever is open as N, so a few links serve any number of files.
    """

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="preserve-formats-")
        self._made: set[str] = set()
        return self

    def __exit__(self, *exc: object) -> None:
        self._folder.cleanup()

    def to(self, descriptor: int, suffix: str) -> str:
        """The path of a link with that suffix to what is open as that descriptor."""
        link = f"{self._folder.name}/{descriptor}{suffix}"
        if link not in self._made:
            Path(link).symlink_to(f"/proc/self/fd/{descriptor}")
            self._made.add(link)
        return link


def _suffix(path: bytes) -> str:
    """The extension of a name with its dot, as far as it can be one."""
    _, dot, suffix = path.rpartition(b"/")[2].rpartition(b".")
    try:
        text = suffix.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return f".{text}" if dot and 0 < len(suffix) <= _SUFFIX_CHARACTERS else ""


def _not_examined(cause: str) -> Format:
    return Format(name=UNKNOWN, note=f"could not be examined: {cause}")


def _format(found: Mapping[str, Any]) -> Format | None:
    """What siegfried's answer for one file says."""
    matches = [match for match in found["matches"] if match["id"] not in ("", "UNKNOWN")]
    trouble = found["errors"].replace(found["filename"], "the file")
    if len(matches) > 1:
        alternatives = " or ".join(" ".join(filter(None, (m["id"], m["format"], m["version"]))) for m in matches)
        return Format(name=UNKNOWN, note=f"ambiguous: {alternatives}")
    if not matches:
        return _not_examined(trouble) if trouble else None
    (match,) = matches
    tentative = "extension only" in match["warning"]
    note = "; ".join(text for text in (match["warning"], trouble) if text)
    return Format(
        name=match["format"] or match["id"],
        version=match["version"] or None,
        registry_key=match["id"],
        note=f"tentative identification: {note}" if tentative else note,
        tentative=tentative,
    )
