"""The bag declaration, `bagit.txt` (RFC 8493 §2.1.1): which version's rules hold and how tag files are encoded."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.lines import BYTE_ORDER_MARK, split_lines
from preserve.bag.tags.paths import V1_0, Version

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


_MULTIBYTE = (
    *("shift_jis", "euc_jp", "iso2022_jp", "gb2312", "gbk", "gb18030", "big5", "big5_hkscs", "euc_kr", "iso2022_kr"),
    *("koi8_r", "koi8_u"),
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
    for page in (437, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869):
        yield f"ibm{page}", f"cp{page}"
        yield f"cp{page}", f"cp{page}"
    for name in _MULTIBYTE:
        yield name.replace("_", ""), name
    yield from (("windows31j", "cp932"), ("windows874", "cp874"), ("tis620", "cp874"), ("macintosh", "mac_roman"))


_CODECS: Mapping[str, str] = MappingProxyType(dict(_codecs()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What holds for the bag. Where the file is faulty, what can still be assumed."""

    version: Version = V1_0
    stated: str = ""  # the version as it is written; empty if none could be read
    encoding: str = "UTF-8"
    codec: str = "utf-8"
    findings: tuple[Finding, ...] = ()


def parse(content: bytes) -> Declaration:
    """Reads a declaration; its faults are findings, and judging can go on with what it gives."""
    findings: list[Finding] = []
    if content.startswith(BYTE_ORDER_MARK):
        findings.append(_malformed("it begins with a byte-order mark", 1))
        content = content.removeprefix(BYTE_ORDER_MARK)
    lines = [line or b"" for _, line in split_lines([content])]
    (version_line, version_match), (encoding_line, encoding_match) = (_first(pattern, lines) for pattern in _LENIENT)
    version = (int(version_match[1]), int(version_match[2])) if version_match else V1_0
    findings += _form(lines, version)
    if content and not content.endswith((b"\n", b"\r")):
        findings.append(Finding(code=Code.LAST_LINE_OPEN, file=NAME, line=len(lines)))
    stated = f"{version[0]}.{version[1]}" if version_match else ""
    if version not in KNOWN_VERSIONS:
        parameters = {"version": stated}
        findings.append(Finding(code=Code.VERSION_UNSUPPORTED, file=NAME, line=version_line, parameters=parameters))
        version = V1_0
    encoding = encoding_match[1].decode("ascii") if encoding_match else "UTF-8"
    codec = _CODECS.get("".join(c for c in encoding.lower() if c not in "-_ "))
    if codec is None:
        shown = {"encoding": show(encoding.encode())}
        findings.append(Finding(code=Code.ENCODING_UNKNOWN, file=NAME, line=encoding_line, parameters=shown))
        encoding, codec = "UTF-8", "utf-8"
    return Declaration(version=version, stated=stated, encoding=encoding, codec=codec, findings=tuple(findings))


def _form(lines: list[bytes], version: Version) -> Iterator[Finding]:
    """What is wrong with the two lines. Version 1.0 wants them to the letter; before, space and blank lines may be."""
    strict = version >= V1_0
    while not strict and len(lines) > 2 and not lines[-1].strip(b" \t"):
        yield Finding(code=Code.LINE_BLANK, file=NAME, line=len(lines))
        lines = lines[:-1]
    if len(lines) != 2:
        yield _malformed(f"{len(lines)} lines, where there must be two")
        return
    for i in (0, 1):
        if (_STRICT if strict else _LENIENT)[i].match(lines[i]) is None:
            wanted = ("BagIt-Version: M.N", "Tag-File-Character-Encoding: …")[i]
            yield _malformed(f"this line is not exactly '{wanted}'", i + 1)
        elif _STRICT[i].match(lines[i]) is None:
            yield Finding(code=Code.DECLARATION_SPACING, file=NAME, line=i + 1)


def _malformed(why: str, line: int | None = None) -> Finding:
    return Finding(code=Code.DECLARATION_MALFORMED, file=NAME, line=line, parameters={"why": why})


def _first(pattern: re.Pattern[bytes], lines: list[bytes]) -> tuple[int | None, re.Match[bytes] | None]:
    """The first line that fits, with its number."""
    matches = ((number, pattern.match(line)) for number, line in enumerate(lines, 1))
    return next(((number, match) for number, match in matches if match), (None, None))
