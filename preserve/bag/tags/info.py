"""`bag-info.txt` (RFC 8493 §2.2.2): labels and values in their order, repeated ones kept, and the Payload-Oxum.

Before version 0.96 the file was called `package-info.txt`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.lines import is_utf8
from preserve.bag.tags.paths import V1_0, Version

NAME = b"bag-info.txt"
LIMIT_BYTES = 16 << 20
_OVERHEAD_BYTES = 64  # of a line held in memory, about
_NAME_BEFORE_0_96 = b"package-info.txt"
OXUM = "Payload-Oxum"
_OXUM = re.compile(r"0*([0-9]{1,20})\.0*([0-9]{1,20})\Z")  # Python takes no number of thousands of digits


class InfoEntry(NamedTuple):
    """One label and its value; continuation lines are joined by one space."""

    line: int
    label: str
    value: str

    def has(self, label: str) -> bool:
        """Labels are told apart without regard to case (RFC 8493 §2.2.2)."""
        return self.label.lower() == label.lower()


def name_of(version: Version) -> bytes:
    """What the file is called in bags of this version."""
    return _NAME_BEFORE_0_96 if version < (0, 96) else NAME


def parse(
    lines: Iterable[tuple[int, bytes | None]], version: Version, encoding: str = "UTF-8"
) -> tuple[list[InfoEntry], list[Finding]]:
    """Entries in order, and the faults. Lines are UTF-8; None is a line that was too long."""
    taken: list[_Taken] = []
    findings: list[Finding] = []
    held_bytes = 0
    for number, line in lines:
        held_bytes += len(line or b"") + _OVERHEAD_BYTES
        if held_bytes > LIMIT_BYTES:
            if held_bytes < 2 * LIMIT_BYTES:  # said once; the rest goes by for its digest
                held_bytes = 2 * LIMIT_BYTES
                limit = {"limit_bytes": LIMIT_BYTES}
                findings.append(Finding(code=Code.TAG_FILE_TOO_LARGE, file=name_of(version), parameters=limit))
            continue
        code, said = _take(number, line, version, taken)
        if code is not None:
            parameters = {"encoding": encoding} if code is Code.ENCODING_INVALID else {"why": said} if said else {}
            findings.append(Finding(code=code, file=name_of(version), line=number, parameters=parameters))
    return [InfoEntry(number, label, " ".join(filter(None, parts))) for number, label, parts in taken], findings


_Taken = tuple[int, str, list[str]]  # line, label, the value's parts
_Fault = tuple[Code | None, str]
_FINE: _Fault = (None, "")


def _take(number: int, line: bytes | None, version: Version, taken: list[_Taken]) -> _Fault:
    """Adds a line to what was taken; what is wrong with it, and why."""
    if line is None:
        return Code.INFO_MALFORMED, "it is too long"
    if not is_utf8(line):
        return Code.ENCODING_INVALID, ""
    text = line.decode("utf-8")
    if not text.strip(" \t"):
        return Code.LINE_BLANK, ""
    if text[0] in " \t":
        if not taken:
            return Code.INFO_MALFORMED, "it continues a line, but stands first"
        taken[-1][2].append(text.strip(" \t"))
        return _FINE
    label, colon, value = text.partition(":")
    if not colon:
        return Code.INFO_MALFORMED, "it has no colon"
    stripped = label.rstrip(" \t")
    if not stripped:
        return Code.INFO_MALFORMED, "its label is empty"
    taken.append((number, stripped, [value.strip(" \t")]))
    return _FINE if version < V1_0 else _spacing(label, value)  # before 1.0 it was left open


def _spacing(label: str, value: str) -> _Fault:
    """What version 1.0 says of the white space around a colon: none before, one space or tab after it."""
    if label[-1] in " \t":
        return Code.INFO_MALFORMED, "there is a space before its colon"
    if value and value[0] not in " \t":
        return Code.INFO_MALFORMED, "there is no space after its colon"
    padded = not value or (value[1:2] in (" ", "\t") and value.strip(" \t"))
    return (Code.INFO_SPACING, "") if padded else _FINE


class Oxum(NamedTuple):
    """The size of a payload: bytes and files, as `Payload-Oxum` states it."""

    payload_bytes: int
    files: int

    def __str__(self) -> str:
        return f"{self.payload_bytes}.{self.files}"


def oxum_of(entries: Iterable[InfoEntry], version: Version = V1_0) -> tuple[Oxum | None, list[Finding]]:
    """The stated Oxum, the first if there are several, and its faults. Before 1.0 it might be repeated."""
    file = name_of(version)
    stated = [entry for entry in entries if entry.has(OXUM)]
    findings = [
        Finding(code=Code.INFO_REPEATED, file=file, line=entry.line, parameters={"label": OXUM})
        if version < V1_0 and entry.value == stated[0].value
        else Finding(code=Code.OXUM_REPEATED, file=file, line=entry.line)
        for entry in stated[1:]
    ]
    for entry in stated:
        found = _OXUM.match(entry.value)
        if found:
            return Oxum(int(found[1]), int(found[2])), findings
        parameters = {"value": show(entry.value.encode())}
        findings.append(Finding(code=Code.OXUM_MALFORMED, file=file, line=entry.line, parameters=parameters))
    return None, findings


def oxum_mismatch(entries: Iterable[InfoEntry], version: Version, stated: Oxum, seen: Oxum) -> Finding:
    """The payload has not the size that is stated."""
    return Finding(
        code=Code.OXUM_MISMATCH,
        file=name_of(version),
        line=next((entry.line for entry in entries if entry.has(OXUM) and _OXUM.match(entry.value)), None),
        expected={"payload_bytes": stated.payload_bytes, "files": stated.files},
        observed={"payload_bytes": seen.payload_bytes, "files": seen.files},
        parameters={
            "bytes": f"{stated.payload_bytes:,}",
            "files": f"{stated.files:,}",
            "observed_bytes": f"{seen.payload_bytes:,}",
            "observed_files": f"{seen.files:,}",
        },
    )


def written(entries: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """The lines of a bag-info.txt, in the order given; values hold no line breaks."""
    for label, value in entries:
        yield f"{label}: {value}\n".encode()
