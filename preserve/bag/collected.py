"""Findings of one bag, however many: beyond a number they lie in a nameless temporary file, not in memory."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO, cast

from checks.evidence import Outcome, worst
from checks.findings import Severity
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.blocks import nameless, read_block, write_block

_HELD = 10_000  # in memory at most
_BLOCK = 500  # findings a write


class Findings(Collection[Finding]):
    """Findings in the order they were added; can be gone through again and again.

    Raises:
        OSError: the temporary folder is full.
    """

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._last: list[Finding] = []
        self._spilled: BinaryIO | None = None
        self._of_code: Counter[Code] = Counter()
        for finding in findings:
            self.add(finding)

    def __del__(self) -> None:
        spilled: BinaryIO | None = getattr(self, "_spilled", None)
        if spilled is not None:
            with suppress(OSError):  # a full disk, which has been told
                spilled.close()

    def add(self, finding: Finding) -> None:
        """One more."""
        self._of_code[finding.code] += 1
        self._last.append(finding)
        if len(self._last) >= (_HELD if self._spilled is None else _BLOCK):
            self._spill()

    @property
    def codes(self) -> dict[Code, int]:
        """How many of each code."""
        return dict(self._of_code)

    @property
    def outcome(self) -> Outcome:
        """What they make of a validation that looked at everything else and found it good."""
        return worst([Outcome.PASS, *{code.meaning.outcome for code in self._of_code}])

    @property
    def severities(self) -> dict[str, int]:
        """How many of each severity, by its word."""
        counted = dict.fromkeys(map(str, Severity), 0)
        for code, number in self._of_code.items():
            counted[str(code.meaning.severity)] += number
        return counted

    def _spill(self) -> None:
        if self._spilled is None:
            self._spilled = nameless()
        self._spilled.seek(0, 2)
        for start in range(0, len(self._last), _BLOCK):
            write_block(self._spilled, [_packed(each) for each in self._last[start : start + _BLOCK]])
        self._last = []

    def __len__(self) -> int:
        return self._of_code.total()

    def __iter__(self) -> Iterator[Finding]:
        if self._spilled is not None:
            place = 0
            self._spilled.seek(place)
            while (block := read_block(self._spilled)) is not None:
                place = self._spilled.tell()
                yield from map(_unpacked, cast("list[_Packed]", block))
                self._spilled.seek(place)  # another may have gone through it meanwhile
        yield from list(self._last)

    def __contains__(self, finding: object) -> bool:
        return any(each == finding for each in self)


_Packed = tuple[str, bytes | None, int | None, bytes | None, object, object, object]


def _packed(finding: Finding) -> _Packed:
    return (
        finding.code.value,
        finding.file,
        finding.line,
        finding.path,
        None if finding.expected is None else dict(finding.expected),
        None if finding.observed is None else dict(finding.observed),
        dict(finding.parameters),
    )


def _unpacked(packed: _Packed) -> Finding:
    code, file, line, path, expected, observed, parameters = packed
    return Finding(
        code=Code(code),
        file=file,
        line=line,
        path=path,
        expected=cast("dict[str, object] | None", expected),
        observed=cast("dict[str, object] | None", observed),
        parameters=cast("dict[str, object]", parameters),
    )
