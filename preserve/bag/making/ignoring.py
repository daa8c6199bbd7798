"""What is left out of a bag by choice: shell patterns on names and paths, matched on bytes."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate

from checks.names import show
from preserve.bag.tags.lines import is_utf8
from preserve.errors import UsageError

SYSTEM_FILES = (  # what macOS and Windows write into folders by themselves
    b".DS_Store",
    b"._*",
    b".AppleDouble",
    b".AppleDB",
    b".AppleDesktop",
    b".apdisk",
    b".DocumentRevisions-V100",
    b".fseventsd",
    b".Spotlight-V100",
    b".TemporaryItems",
    b".Trashes",
    b".VolumeIcon.icns",
    b"[Tt]humbs.db",
    b"[Tt]humbs.db:encryptable",
    b"ehthumbs.db",
    b"ehthumbs_vista.db",
    b"[Dd]esktop.ini",
    b"$RECYCLE.BIN",
    b"System Volume Information",
)
_ANY_FOLDERS = b"**"
_Part = re.Pattern[bytes] | None  # None is `**`


class Ignoring:
    """Patterns, and which of them a path meets.

    `*`, `?` and `[…]` are those of a shell; `?` is one byte, not one character. Without a `/`, a pattern is matched on
    the name of a file or folder at any depth. With one, on the whole path below the source, part by part; `**` stands
    for any number of folders, and a `/` at the beginning for the source.
    """

    def __init__(self, patterns: Iterable[bytes]) -> None:
        names, self._by_path = list[bytes](), list[tuple[bytes, Sequence[_Part]]]()
        for pattern in dict.fromkeys(patterns):
            _refuse(pattern)
            if b"/" in pattern:
                parts = pattern.removeprefix(b"/").split(b"/")
                self._by_path.append((pattern, [None if part == _ANY_FOLDERS else _compiled(part) for part in parts]))
            else:
                names.append(pattern)
        self._by_name = [(pattern, _compiled(pattern)) for pattern in names]
        self._any_name = re.compile(b"|".join(each.pattern for _, each in self._by_name)) if names else None

    def pattern_of(self, path: bytes) -> bytes | None:
        """The pattern that a path below the source meets, or None. A folder's path has no `/` at its end."""
        name = path.rpartition(b"/")[2]
        if self._any_name is not None and self._any_name.match(name):
            return next(pattern for pattern, each in self._by_name if each.match(name))
        if self._by_path:
            parts = path.split(b"/")
            return next((pattern for pattern, each in self._by_path if _meets(parts, each)), None)
        return None


def shown(pattern: bytes) -> str:
    """A pattern as bag-info.txt says it: as it is, or with codes where that would not be a line of UTF-8."""
    if is_utf8(pattern) and pattern.decode("utf-8").isprintable():
        return pattern.decode("utf-8")
    return show(pattern)


def _compiled(part: bytes) -> re.Pattern[bytes]:
    return re.compile(translate(part.decode("latin-1")).encode("latin-1"))


def _meets(parts: Sequence[bytes], pattern: Sequence[_Part]) -> bool:
    """Whether the parts of a path meet those of a pattern, counted one after the other."""
    reached = {0}  # how many parts of the pattern can have been used up so far
    for number in range(len(parts) + 1):
        for at in range(len(pattern)):  # `**` may stand for no folder at all
            if at in reached and pattern[at] is None:
                reached.add(at + 1)
        if number == len(parts):
            break
        after = set[int]()
        for at in reached:
            each = pattern[at] if at < len(pattern) else _NOTHING
            if each is None:
                after.add(at)
            elif each.match(parts[number]):
                after.add(at + 1)
        reached = after
    return len(pattern) in reached


_NOTHING = re.compile(rb"(?!)")


def _refuse(pattern: bytes) -> None:
    """UsageError for what cannot be meant as a pattern."""
    if pattern.endswith(b"/"):
        raise UsageError(
            f"no pattern: {show(pattern)!r}",
            remedy="Write it without the slash at its end; it is matched on folders and files.",
        )
    if b"\0" in pattern or any(part in (b"", b".", b"..") for part in pattern.removeprefix(b"/").split(b"/")):
        raise UsageError(
            f"no pattern: {show(pattern)!r}",
            remedy="Write a name such as '*.tmp', or a path below the source such as 'scans/cache'.",
        )
