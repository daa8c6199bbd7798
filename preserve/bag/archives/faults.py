"""What an archive itself shows on the way: findings, collected up to a limit."""

import re
from collections.abc import Iterator
from threading import Lock

from preserve.bag.archives import limits as archive_limits
from preserve.bag.archives.limits import BeyondLimitError
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.paths import why_unsafe

_HERE = re.compile(rb"\A(?:\./+)+")


class Faults:
    """Collects findings, from any thread; none is told twice. Paths are those of the archive."""

    def __init__(self) -> None:
        self._found: dict[tuple[Code, bytes | None, str], Finding] = {}
        self._lock = Lock()

    def add(self, code: Code, path: bytes | None = None, **parameters: object) -> None:
        """BeyondLimitError where there are so many that telling more helps nobody; this one is told still."""
        self.say(Finding(code=code, path=path, parameters=parameters))
        if len(self._found) >= archive_limits.MOST_FAULTS:
            raise BeyondLimitError("faults of the archive itself", archive_limits.MOST_FAULTS)

    def say(self, finding: Finding) -> None:
        """Takes one in, however many there are."""
        with self._lock:
            self._found[finding.code, finding.path, str(finding.parameters)] = finding

    def holds(self, code: Code) -> bool:
        """Whether one of this code was found and not handed out yet."""
        return any(finding.code is code for finding in self._found.values())

    def taken(self) -> Iterator[Finding]:
        """Those found since this was asked last."""
        with self._lock:
            found, self._found = list(self._found.values()), {}
        yield from found

    def sound_path(self, name: bytes) -> bytes | None:
        """A member's name as a path, without a leading `./` and a trailing `/`.

        None if it must not be unpacked, which is told, and for the archive's own top, which some programs store (`./`).
        """
        path = _HERE.sub(b"", name).rstrip(b"/")
        if path in (b"", b".") and name.startswith(b"."):
            return None
        why = _why_unsafe(name if name.startswith(b"/") else path)
        if why is None:
            return path
        self.add(Code.UNSAFE_MEMBER, name[: archive_limits.MOST_PATH_BYTES], why=why)
        return None


def _why_unsafe(path: bytes) -> str | None:
    if not path:
        return "it is empty"
    if len(path) > archive_limits.MOST_PATH_BYTES:
        return f"it is longer than {archive_limits.MOST_PATH_BYTES} bytes"
    if why := why_unsafe(path):
        return why
    if b"\\" in path and b".." in path.split(b"\\"):
        return "it has a part '..' behind a backslash"
    return None
