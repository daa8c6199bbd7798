"""`bag-info.txt` (RFC 8493 §2.2.2): labels and values in their order, repeated ones kept, and the Payload-Oxum."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.lines import is_utf8
from preserve.bag.paths import V1_0, Version

NAME = b"bag-info.txt"
LIMIT_BYTES = 16 << 20
OXUM = "Payload-Oxum"
_OXUM = re.compile(r"([0-9]{1,20})\.([0-9]{1,20})\Z")


class InfoEntry(NamedTuple):
    """One label and its value; continuation lines are joined by one space."""

    line: int
    label: str
    value: str

    def has(self, label: str) -> bool:
        """Labels are told apart without regard to case (RFC 8493 §2.2.2)."""
        return self.label.lower() == label.lower()


def parse(
    lines: Iterable[tuple[int, bytes | None]], version: Version, encoding: str = "UTF-8"
) -> tuple[list[InfoEntry], list[Finding]]:
    """Entries in order, and the faults. Lines are UTF-8; None is a line that was too long."""
    entries: list[InfoEntry] = []
    findings: list[Finding] = []
    for number, line in lines:
        why = _take(number, line, version, entries)
        if why == "encoding":
            parameters = {"encoding": encoding}
            findings.append(Finding(code=Code.ENCODING_INVALID, file=NAME, line=number, parameters=parameters))
        elif why:
            findings.append(Finding(code=Code.INFO_MALFORMED, file=NAME, line=number, parameters={"why": why}))
    return entries, findings


def _take(number: int, line: bytes | None, version: Version, entries: list[InfoEntry]) -> str:
    """Adds a line to the entries; what is wrong with it, or nothing."""
    if line is None:
        return "it is too long"
    if not is_utf8(line):
        return "encoding"
    text = line.decode("utf-8")
    if not text.strip(" \t"):
        return "" if number > 1 and version < V1_0 else "it is blank"
    if text[0] in " \t":
        if not entries:
            return "it continues a line, but stands first"
        last = entries[-1]
        entries[-1] = last._replace(value=(last.value + " " + text.strip(" \t")).strip(" "))
        return ""
    label, colon, value = text.partition(":")
    if not colon:
        return "it has no colon"
    stripped = label.rstrip(" \t")
    if not stripped:
        return "its label is empty"
    entries.append(InfoEntry(number, stripped, value.strip(" \t")))
    return "there is a space before its colon" if stripped != label and version >= V1_0 else ""


class Oxum(NamedTuple):
    """The size of a payload: bytes and files, as `Payload-Oxum` states it."""

    payload_bytes: int
    files: int

    def __str__(self) -> str:
        return f"{self.payload_bytes}.{self.files}"


def oxum_of(entries: Iterable[InfoEntry]) -> tuple[Oxum | None, list[Finding]]:
    """The stated Oxum, the first if there are several, and its faults."""
    stated = [entry for entry in entries if entry.has(OXUM)]
    findings = [Finding(code=Code.OXUM_REPEATED, file=NAME, line=entry.line) for entry in stated[1:]]
    for entry in stated:
        found = _OXUM.match(entry.value)
        if found:
            return Oxum(int(found[1]), int(found[2])), findings
        parameters = {"value": show(entry.value.encode())}
        findings.append(Finding(code=Code.OXUM_MALFORMED, file=NAME, line=entry.line, parameters=parameters))
    return None, findings


def written(entries: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """The lines of a bag-info.txt, in the order given; values hold no line breaks."""
    for label, value in entries:
        yield f"{label}: {value}\n".encode()
