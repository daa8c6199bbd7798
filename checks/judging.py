"""One line of a record against what was read of it, once, twice or three times."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from checks.claims import NO_CLAIM
from checks.digesting import Reading
from checks.findings import Code, Finding
from checks.inventory import segment_count
from checks.names import path_fields, show
from checks.ports import NOT_READABLE_NOW


class Sight(StrEnum):
    """What one reading, or all of them together, say of a line."""

    GOOD = "good"
    BAD = "bad"
    UNREAD = "unread"


class Line(NamedTuple):
    """What was taken in: a file, or one segment of a large one."""

    path: bytes
    segment: int
    size_bytes: int
    sha256: bytes

    def sight(self, reading: Reading) -> Sight:
        """A file that could not be read, or changed meanwhile, is neither good nor bad."""
        if reading.missing or reading.wrong_kind or reading.longer:
            return Sight.BAD
        if not reading.sound:
            return Sight.UNREAD
        same = reading.size_bytes == self.size_bytes and reading.digests["sha256"] == self.sha256
        return Sight.GOOD if same else Sight.BAD


_MOST_READINGS = 3


def conclude(line: Line, readings: Sequence[Reading]) -> Sight | None:
    """What the readings of a line prove; None asks for another one.

    One good reading proves that the bytes are there. Damage takes two bad ones. What is neither after three readings
    could not be read.
    """
    sights = [line.sight(reading) for reading in readings]
    if Sight.GOOD in sights:
        return Sight.GOOD
    if sights.count(Sight.BAD) >= 2:
        return Sight.BAD
    if sights.count(Sight.UNREAD) >= 2 or len(sights) >= _MOST_READINGS:
        return Sight.UNREAD
    return None


def describe(
    line: Line, readings: Sequence[Reading], sight: Sight, moved_to: bytes | None, kind: Callable[[], str]
) -> Finding | None:
    """The finding for a line that was not good at first sight; None if nothing is to be said."""
    if sight is Sight.GOOD:
        return _unstable(line, readings)
    if sight is Sight.UNREAD:
        return _unread(line, readings)
    bad = [reading for reading in readings if line.sight(reading) is Sight.BAD][-1]
    if bad.missing:
        return _lost(line, moved_to)
    if bad.wrong_kind:
        return _finding(Code.WRONG_KIND, line, {"kind": kind()})
    return _different(line, bad)


def _unstable(line: Line, readings: Sequence[Reading]) -> Finding | None:
    faults = [r for r in readings if line.sight(r) is not Sight.GOOD and not r.changed]
    if not faults:
        return None  # it was only touched while it was read, and is as it should be
    first = faults[0]
    cause = first.problem or ("not there at first" if first.missing else "other bytes at first")
    return _finding(Code.UNSTABLE_READ, line, {"cause": cause, "observed": _seen(first)})


def _unread(line: Line, readings: Sequence[Reading]) -> Finding:
    last = [reading for reading in readings if line.sight(reading) is Sight.UNREAD][-1]
    if last.problem == NOT_READABLE_NOW:
        return _finding(Code.NOT_READABLE_NOW, line, {})
    if last.problem == NO_CLAIM:
        return _finding(Code.NO_CLAIM, line, {})
    if last.problem:
        return _finding(Code.UNREADABLE, line, {"cause": last.problem})
    return _finding(Code.CHANGED_WHILE_READ, line, {})


def _lost(line: Line, moved_to: bytes | None) -> Finding:
    if moved_to is None:
        return _finding(Code.MISSING, line, {})
    return _finding(Code.MOVED, line, {"found_at": show(moved_to), "found": path_fields(moved_to)})


def _different(line: Line, reading: Reading) -> Finding:
    observed = _seen(reading)
    if is_manifest(line.path):
        return _finding(Code.MANIFEST_CHANGED, line, {"observed": observed})
    if reading.size_bytes != line.size_bytes:
        sizes = {"expected_bytes": line.size_bytes, "observed_bytes": reading.size_bytes}
        return _finding(Code.SIZE_MISMATCH, line, {"observed": observed, **sizes})
    return _finding(Code.DIGEST_MISMATCH, line, {"observed": observed})


def is_manifest(path: bytes) -> bool:
    """Whether a path, from the bag's root, is one of its manifests (RFC 8493 §2.1.3, §2.2.1)."""
    return b"/" not in path and path.startswith((b"manifest-", b"tagmanifest-")) and path.endswith(b".txt")


def _seen(reading: Reading) -> dict[str, object]:
    if reading.longer:
        return {"size_bytes": reading.size_bytes}
    if not reading.sound:
        return {}
    return {"size_bytes": reading.size_bytes, "sha256": reading.digests["sha256"].hex()}


def _finding(code: Code, line: Line, parameters: Mapping[str, object]) -> Finding:
    expected: dict[str, object] = {"size_bytes": line.size_bytes, "sha256": line.sha256.hex()}
    if segment_count(line.size_bytes) > 1:
        expected["segment"] = line.segment
    return Finding(code=code, path=line.path, parameters={"expected": expected, **parameters})
