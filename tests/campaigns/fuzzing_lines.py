"""Lines of tag files made wrong: by what the grammar of each leaves room for, and byte by byte."""

from collections.abc import Callable
from random import Random

Change = Callable[[Random, list[bytes]], None]  # changes one line, or all, in place; there is one line at least

_PATHS = (
    *(b"../x", b"data/../../x", b"data/..", b"/etc/passwd", b"data/", b"data", b"data//a", b"data/./a", b"./data/a"),
    *(b"~", b"~root/x", b"C:\\x", b"\\\\server\\x", b"data/%2e%2e/x", b"data/%2E%2E%2Fx", b"data/\0x", b"data/a\0"),
    *(
        b"data/%",
        b"data/%0",
        b"data/%0a",
        b"data/%0D%0A",
        b"data/%25",
        b"data/%2525",
        b"data/%zz",
        b"*data/a",
        b"*",
        b"",
    ),
    *(
        b"data/a ",
        b"data/ a",
        b"data/\xc2\xa0",
        b"data/\xe2\x80\xa8",
        b"data/\x0b\x0c\x1c\x85",
        b"data/\xff\xfe",
        b"./",
    ),
    *("data/é".encode(), "data/é".encode(), "data/ខ្មែរ".encode(), b"data/A", b"data/a\\b", b"data/\x1b[2J"),
    *(b"bagit.txt", b"manifest-sha256.txt", b"tagmanifest-sha256.txt", b"data/sub", b"data/a/b", b"fetch.txt"),
    *(
        b"data/" + b"a/" * 3000 + b"a",
        b"data/" + b"n" * 70_000,
        b"data/" + b"%0A" * 2000,
        b"data/" + "ខ".encode() * 400,
    ),
)
_DIGESTS = (
    *(
        b"",
        b"0",
        b"zz" * 32,
        b"0" * 63,
        b"0" * 64,
        b"0" * 65,
        b"0" * 128,
        b"F" * 64,
        b"-",
        b"#",
        b"\\",
        b"0x" + b"1" * 62,
    ),
    *("٣".encode() * 64, b"+" + b"1" * 63, b" ", b"1_" * 32, b"\\" + b"0" * 64, b"\xff" * 64, b"0" * 70_000),
)
_SPACES = (b" ", b"  ", b"\t", b" \t ", b" *", b"  *", b"", b"\xc2\xa0", b"   ", b"\x0b", b"\r", b" " * 1000)
_LINES = (
    *(
        b"",
        b" ",
        b"\t",
        b"# comment",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\0",
        b"\0" * 100,
        b":",
        b": :",
        b" continued",
        b"%",
    ),
    *(b"x" * 70_000, b"x:" * 40_000, b"\x1b]0;title\x07", "‮".encode(), b"\xed\xa0\x80", b"\r", b"BagIt-Version: 1.0"),
)
_LABELS = (
    *(
        b"Payload-Oxum",
        b"payload-oxum",
        b"PAYLOAD-OXUM ",
        b"Bagging-Date",
        b"Bag-Size",
        b"Bag-Count",
        b"",
        b" ",
        b"\xff",
    ),
    *(b"Bag-Group-Identifier", b"BagIt-Profile-Identifier", "Ñ".encode(), b"Source-Organization", b"a" * 70_000),
)
_VALUES = (
    *(
        b"5.1",
        b"0.0",
        b"6",
        "².1".encode(),
        b"-1.-1",
        b"9" * 25 + b".1",
        b"1e9.1",
        b"1.1.1",
        b" 5.1",
        b"1 of 2",
        b"",
        b"\0",
    ),
    *(
        "٣.٣".encode(),
        b"99999999999999999999.99999999999999999999",
        b"x" * 70_000,
        b"nan.inf",
        b"0x5.1",
        b"\x85",
        b"%s{0}",
    ),
)
_URLS = (
    *(
        b"http://example.org/a",
        b"https://example.org/a b",
        b"file:///etc/passwd",
        b"ftp://x/y",
        b"x",
        b":",
        b"http:",
        b"-",
    ),
    *(
        b"http://[::1",
        b"http://\xff",
        b"data:,x",
        b"javascript:x",
        b"HTTP://E",
        b"http://a#b",
        b"http://" + b"a" * 70_000,
    ),
)
_LENGTHS = (b"-", b"0", b"5", b"00005", b"-1", b"1e3", b"9" * 5000, "٣".encode(), b"5.0", b"+5", b"")
_VERSIONS = (
    *(b"0.93", b"0.94", b"0.95", b"0.96", b"0.97", b"1.0", b"1", b"1.7", b"9.0", b"01.00", b"1.00", b"-1.0", b"1.0 "),
    *(b"9" * 12 + b".0", "١.٠".encode(), b"1.0.0", b"", b"1,0", b"0.97-draft", b"\0"),
)
ENCODINGS = (
    *(b"UTF-8", b"utf8", b"UTF-16", b"UTF-16LE", b"utf-16be", b"UTF-32", b"ISO-8859-1", b"windows-1252", b"Shift_JIS"),
    *(b"GB18030", b"Big5", b"KOI8-R", b"ISO-2022-JP", b"ISO-2022-KR", b"US-ASCII", b"cp437", b"macintosh", b"EUC-KR"),
)
_NO_ENCODINGS = (
    *(
        b"rot13",
        b"zlib",
        b"undefined",
        b"utf-7",
        b"idna",
        b"punycode",
        b"unicode_escape",
        b"hex",
        b"base64",
        b"mbcs",
        b"",
    ),
    *(b"x" * 300, b"../x", b"\xff", b"UTF-8-SIG", b"utf_8", b"U T F 8", b"UTF-\0008", b"raw_unicode_escape", b"oem"),
)
TOKENS = (
    *(
        b"\0",
        b"\xff",
        b"\r",
        b"\n",
        b"\r\n",
        b" ",
        b"\t",
        b":",
        b"%",
        b"/",
        b"\\",
        b"*",
        b"..",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
    ),
    *(
        b"\xe2\x80\xa8",
        b"\xc2\x85",
        b"\x1b[2J",
        b"data/",
        b"../",
        b"%0A",
        b"0" * 64,
        b"A" * 5000,
        b"\xf0\x9f",
        b"\x0b\x0c",
    ),
)


def _fields(line: bytes) -> tuple[bytes, bytes]:
    first, _, rest = line.partition(b" ")
    return first, rest.lstrip(b" ")


def _manifest_line(rng: Random, lines: list[bytes]) -> None:
    at = rng.randrange(len(lines))
    digest, path = _fields(lines[at])
    space = b"  "
    match rng.randrange(5):
        case 0:
            path = rng.choice(_PATHS)
        case 1:
            digest = rng.choice((*_DIGESTS, digest.upper(), digest[:-1], digest + b"0", b"\\" + digest))
        case 2:
            space = rng.choice(_SPACES)
        case 3:
            path = rng.choice(
                (path.swapcase(), path + b" ", path + b"/", b"./" + path, b"*" + path, path[:-1], path * 2)
            )
        case _:
            path = path.replace(rng.choice((b"a", b"/", b"%", b"d")), rng.choice(TOKENS))
    lines[at] = digest + space + path


def _info_line(rng: Random, lines: list[bytes]) -> None:
    colon = rng.choice((b": ", b":", b" :", b" : ", b":\t", b":  ", b"", b"\xef\xbc\x9a"))
    _somewhere(rng, lines, rng.choice(_LABELS) + colon + rng.choice(_VALUES))


def _fetch_line(rng: Random, lines: list[bytes]) -> None:
    path = rng.choice((*_PATHS, b"data/a", b"data/a"))
    _somewhere(rng, lines, rng.choice((b" ", b"  ", b"\t")).join((rng.choice(_URLS), rng.choice(_LENGTHS), path)))


def _declared_line(rng: Random, lines: list[bytes]) -> None:
    colon = rng.choice((b": ", b": ", b": ", b":", b" : ", b":\t", b""))
    if rng.random() < 0.5:
        new = rng.choice((b"BagIt-Version", b"bagit-version", b"BagIt-Version ")) + colon + rng.choice(_VERSIONS)
    else:
        names = rng.choice((ENCODINGS, _NO_ENCODINGS))
        new = rng.choice((b"Tag-File-Character-Encoding", b"tag-file-character-encoding")) + colon + rng.choice(names)
    _somewhere(rng, lines, new)


def _somewhere(rng: Random, lines: list[bytes], new: bytes) -> None:
    """Instead of a line, or between two."""
    at = rng.randrange(len(lines))
    lines[at : at + rng.randrange(2)] = [new]


def _any_line(rng: Random, lines: list[bytes]) -> None:
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(7):
        case 0:
            lines.insert(at, rng.choice(_LINES))
        case 1:
            lines[at] = rng.choice(_LINES)
        case 2:
            lines.insert(other, lines[at])
        case 3:
            lines[at], lines[other] = lines[other], lines[at]
        case 4 if len(lines) > 1:
            del lines[at]
        case 5:
            lines[at : at + 1] = [lines[at][: rng.randrange(1 + len(lines[at]))], rng.choice(TOKENS)]
        case _:
            lines[at] = raw(rng, lines[at])


OF_FILE: dict[str, Change] = {
    "manifest": _manifest_line,
    "tag manifest": _manifest_line,
    "bag-info": _info_line,
    "fetch": _fetch_line,
    "declaration": _declared_line,
}


def change(rng: Random, what: str, lines: list[bytes]) -> None:
    """Makes one to five changes; those of the file's own grammar more often than others."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        if not lines:
            lines.append(b"")
        (OF_FILE[what] if rng.random() < 0.7 else _any_line)(rng, lines)


def raw(rng: Random, content: bytes, *, times: int = 0) -> bytes:
    """Some bytes are others, come in between, are gone, stand twice, or are bits away from what they were."""
    changed = bytearray(content)
    for _ in range(times or rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(changed) + 1)
        size = rng.choice((1, 1, 2, 8, 64))
        match rng.randrange(6):
            case 0 if at < len(changed):
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                changed[at : at + size] = rng.randbytes(size)
            case 2:
                del changed[at : at + size]
            case 3:
                changed[at:at] = changed[at : at + size]
            case 4:
                changed[at:at] = rng.choice(TOKENS)
            case _:
                changed[at : at + size] = rng.choice(TOKENS)
    return bytes(changed[: rng.randrange(len(changed) + 1)] if rng.random() < 0.05 else changed)
