"""The bag declaration, `bagit.txt` (RFC 8493 §2.1.1): which version's rules hold and how tag files are encoded."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.lines import BYTE_ORDER_MARK, split_lines
from preserve.bag.paths import V1_0, Version

NAME = b"bagit.txt"
CONTENT_1_0 = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
LIMIT_BYTES = 1 << 16
KNOWN_VERSIONS: frozenset[Version] = frozenset({(0, 93), (0, 94), (0, 95), (0, 96), (0, 97), (1, 0)})

_STRICT = (
    re.compile(rb"BagIt-Version: ([0-9]{1,9})\.([0-9]{1,9})\Z"),
    re.compile(rb"Tag-File-Character-Encoding: ([!-~]+)\Z"),
)
# Versions before 1.0 left the space around the colon open.
_LENIENT = (
    re.compile(rb"(?i:BagIt-Version)[ \t]*:[ \t]*([0-9]{1,9})\.([0-9]{1,9})[ \t]*\Z"),
    re.compile(rb"(?i:Tag-File-Character-Encoding)[ \t]*:[ \t]*([!-~]+)[ \t]*\Z"),
)


def _codecs() -> Iterator[tuple[str, str]]:
    """Encodings of text that a bag may declare, by their IANA names; Python's other codecs are not encodings."""
    for name, codec in (("utf8", "utf-8"), ("usascii", "ascii"), ("ascii", "ascii"), ("latin1", "iso-8859-1")):
        yield name, codec
    for name in ("utf-16", "utf-16le", "utf-16be", "utf-32", "utf-32le", "utf-32be"):
        yield name.replace("-", ""), name
    for part in (*range(1, 12), *range(13, 17)):
        yield f"iso8859{part}", f"iso-8859-{part}"
    for page in range(1250, 1259):
        yield f"windows{page}", f"cp{page}"
        yield f"cp{page}", f"cp{page}"
    for name in ("shift_jis", "euc_jp", "iso2022_jp", "gb2312", "gbk", "gb18030", "big5", "euc_kr", "koi8_r", "koi8_u"):
        yield name.replace("_", ""), name


_CODECS: Mapping[str, str] = MappingProxyType(dict(_codecs()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What holds for the bag. Where the file is faulty, what can still be assumed."""

    version: Version = V1_0
    encoding: str = "UTF-8"
    codec: str = "utf-8"
    findings: tuple[Finding, ...] = ()


def parse(content: bytes) -> Declaration:
    """Reads a declaration; its faults are findings, and judging can go on with what it gives."""
    findings: list[Finding] = []

    def fault(why: str, line: int | None = None) -> None:
        findings.append(Finding(code=Code.DECLARATION_MALFORMED, file=NAME, line=line, parameters={"why": why}))

    if content.startswith(BYTE_ORDER_MARK):
        fault("it begins with a byte-order mark", 1)
        content = content.removeprefix(BYTE_ORDER_MARK)
    lines = [line or b"" for _, line in split_lines([content])]
    matches = [_first(pattern, lines) for pattern in _LENIENT]
    version = (int(matches[0][1]), int(matches[0][2])) if matches[0] else V1_0
    strict = version >= V1_0
    if len(lines) != 2:
        fault(f"{len(lines)} lines, where there must be two")
    elif any((_STRICT if strict else _LENIENT)[i].match(lines[i]) is None for i in (0, 1)):
        fault("its two lines are not exactly 'BagIt-Version: M.N' and 'Tag-File-Character-Encoding: …'")
    if version not in KNOWN_VERSIONS:
        text = f"{version[0]}.{version[1]}"
        findings.append(Finding(code=Code.VERSION_UNSUPPORTED, file=NAME, parameters={"version": text}))
        version = V1_0
    encoding = matches[1][1].decode("ascii") if matches[1] else "UTF-8"
    codec = _CODECS.get("".join(c for c in encoding.lower() if c not in "-_ "))
    if codec is None:
        shown = show(encoding.encode())
        findings.append(Finding(code=Code.ENCODING_UNKNOWN, file=NAME, parameters={"encoding": shown}))
        encoding, codec = "UTF-8", "utf-8"
    return Declaration(version=version, encoding=encoding, codec=codec, findings=tuple(findings))


def _first(pattern: re.Pattern[bytes], lines: list[bytes]) -> re.Match[bytes] | None:
    return next((found for line in lines if (found := pattern.match(line))), None)
