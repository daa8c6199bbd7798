"""Small bags, each made of a seed, with something wrong in what its kind says: lines, bytes, names, kinds of files."""

import copy
import io
import json
import os
import socket
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import new
from random import Random
from typing import Any

from checks.algorithms import normalised
from tests.campaigns.fuzzing_lines import ENCODINGS, TOKENS, change, raw

_VERSIONS = (b"0.93", b"0.94", b"0.95", b"0.96", b"0.97", b"0.97", b"1.0", b"1.0", b"1.0", b"1.0")
_NAMES = (
    b"a",
    b"b",
    b"A",
    b"sub/c",
    b"sub/deep/d",
    b"%",
    b"%0A",
    b"e\n",
    b" f ",
    "é".encode(),
    "ខ្មែរ".encode(),
    b"g\\h",
    b"*i",
)
_ALGORITHMS = (b"sha256", b"sha512", b"md5", b"sha1", b"blake2b", b"sha3_256", b"SHA-256", b"sha224")
_ODD_ALGORITHMS = (
    *(b"x", b"shake_128", b"sha-256", b"sha256.sha256", b"..", b"a" * 230, b"\xff", b" ", b"", b"sha256\n", b"crc32"),
    *(
        "ｓｈａ２５６".encode(),
        b"blake2b-160",
        b"md5-sha1",
        b"sm3",
        b"ripemd160",
        b"BLAKE3",
        b"sha512_256",
        b"none",
        b"*",
    ),
)

Files = dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: a bag, perhaps with a profile."""

    bag: bytes
    profile: bytes | None = None


class Draft:
    """A good bag, held in memory until it is written; `lines` are those of its tag files but tag manifests."""

    def __init__(self, rng: Random) -> None:
        self.version = rng.choice(_VERSIONS)
        self.encoding = rng.choice(ENCODINGS) if rng.random() < 0.3 else b"UTF-8"
        self.end = rng.choice((b"\n", b"\n", b"\n", b"\r\n", b"\r"))
        self.payload = {
            b"data/" + name: rng.randbytes(rng.choice((0, 5, 50))) for name in rng.sample(_NAMES, rng.randrange(1, 5))
        }
        self.algorithms = rng.sample(_ALGORITHMS[:-2], rng.choice((1, 1, 2)))
        self.has_tag_manifests = rng.random() < 0.7
        self.lines: dict[bytes, list[bytes]] = {
            b"bagit.txt": [b"BagIt-Version: " + self.version, b"Tag-File-Character-Encoding: " + self.encoding],
            **{b"manifest-" + each + b".txt": _listing(self.payload, each, self.version) for each in self.algorithms},
        }
        if rng.random() < 0.7:
            oxum = b"%d.%d" % (sum(map(len, self.payload.values())), len(self.payload))
            self.lines[self.info_name] = [
                b"Source-Organization: Museum",
                b"Payload-Oxum: " + oxum,
                b"Note: one",
                b"  two",
            ]
        if rng.random() < 0.3:
            self.lines[b"fetch.txt"] = [b"https://example.org/1 - " + min(self.payload)]

    @property
    def info_name(self) -> bytes:
        return b"package-info.txt" if self.version < b"0.96" else b"bag-info.txt"

    def text(self, name: bytes, lines: list[bytes]) -> bytes:
        """The file's bytes in the declared encoding, as far as it has such characters."""
        whole = b"".join(line + self.end for line in lines)
        if name == b"bagit.txt":
            return whole
        try:
            return whole.decode("utf-8").encode(self.encoding.decode(), "replace")
        except (UnicodeDecodeError, LookupError):
            return whole

    def tag_manifests(self, files: Mapping[bytes, bytes]) -> dict[bytes, list[bytes]]:
        if not self.has_tag_manifests:
            return {}
        tag_files = {name: content for name, content in files.items() if not name.startswith(b"data/")}
        return {b"tagmanifest-" + each + b".txt": _listing(tag_files, each, self.version) for each in self.algorithms}

    def files(self) -> Files:
        """All of it, as it should be."""
        files = self.payload | {name: self.text(name, lines) for name, lines in self.lines.items()}
        return files | {name: self.text(name, lines) for name, lines in self.tag_manifests(files).items()}


def _listing(files: Mapping[bytes, bytes], algorithm: bytes, version: bytes) -> list[bytes]:
    name = {"sha3256": "sha3_256"}.get(normalised(algorithm.decode()), normalised(algorithm.decode()))
    return [
        new(name, content, usedforsecurity=False).hexdigest().encode() + b"  " + _written(path, version)
        for path, content in sorted(files.items())
    ]


def _written(path: bytes, version: bytes) -> bytes:
    if version == b"1.0":
        path = path.replace(b"%", b"%25")
    return path.replace(b"\n", b"%0A").replace(b"\r", b"%0D")


def placed(folder: bytes, files: Files) -> bytes:
    """Writes what can be written; a name that no disk holds, or that is in another's way, is left out."""
    bag = os.path.join(folder, b"bag")
    os.makedirs(os.path.join(bag, b"data"))
    for name, content in files.items():
        path = os.path.join(bag, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        except (OSError, ValueError):
            continue
    return bag


def lines_changed(what: str) -> Callable[[Random, bytes], Subject]:
    """Bags of which the lines of one kind of tag file are wrong; the tag manifests agree with them, mostly."""

    def make(rng: Random, folder: bytes) -> Subject:
        draft = Draft(rng)
        draft.has_tag_manifests = draft.has_tag_manifests or what == "tag manifest"
        name = {
            "manifest": rng.choice([name for name in draft.lines if name.startswith(b"manifest-")]),
            "bag-info": draft.info_name,
            "fetch": b"fetch.txt",
            "declaration": b"bagit.txt",
        }.get(what, b"")
        if name:
            change(rng, what, draft.lines.setdefault(name, []))
        files = draft.payload | {each: draft.text(each, lines) for each, lines in draft.lines.items()}
        for each, lines in draft.tag_manifests(files).items():
            if what == "tag manifest":
                change(rng, what, lines)
            files[each] = draft.text(each, lines)
        if rng.random() < 0.1:
            victim = rng.choice(sorted(files))
            files[victim] = raw(rng, files[victim])
        return Subject(placed(folder, files))

    return make


def bytes_changed(rng: Random, folder: bytes) -> Subject:
    """Any file of the bag but its payload, byte by byte; the tag manifests do not know."""
    files = Draft(rng).files()
    for name in rng.sample(sorted(files), rng.choice((1, 1, 2))):
        files[name] = raw(rng, files[name])
    return Subject(placed(folder, files))


def names_changed(rng: Random, folder: bytes) -> Subject:
    """Names of files, and names of manifests most of all."""
    files = Draft(rng).files()
    for _ in range(rng.randrange(1, 4)):
        name = rng.choice(sorted(files))
        stem = rng.choice((b"manifest-", b"tagmanifest-", b"MANIFEST-", b"Tagmanifest-"))
        other = rng.choice(
            (stem + rng.choice(_ODD_ALGORITHMS + _ALGORITHMS) + rng.choice((b".txt", b".TXT")), raw(rng, name))
        )
        if b".." not in other.split(b"/"):
            files[other] = files[name] if rng.random() < 0.5 else files.pop(name)
    return Subject(placed(folder, files))


def kinds_changed(rng: Random, folder: bytes) -> Subject:
    """Something is a folder, a link, a FIFO, a socket, or is not to be opened."""
    files = Draft(rng).files()
    bag = placed(folder, files)
    for name in rng.sample([*sorted(files), b"data"], rng.choice((1, 1, 3))):
        _exchanged(rng, bag, name)
    return Subject(bag)


def _exchanged(rng: Random, bag: bytes, name: bytes) -> None:
    path = os.path.join(bag, name)
    aside = bag + b".aside%d" % rng.randrange(1 << 30)
    try:
        os.rename(path, aside)
        match rng.randrange(6):
            case 0:
                os.mkdir(path)
            case 1:
                os.symlink(rng.choice((aside, b"/dev/zero", b"/nowhere", path, b"..", b"/")), path)
            case 2:
                os.mkfifo(path)
            case 3:
                with socket.socket(socket.AF_UNIX) as one, _folder_of(path):
                    one.bind(os.path.basename(path))
            case 4:
                os.link(aside, path)
            case _:
                os.rename(aside, path)
                os.chmod(path, 0)
    except OSError:
        return  # names that are too long for a socket, or already gone with their folder


class _folder_of:
    """Addresses of sockets are short: it is bound from within."""

    def __init__(self, path: bytes) -> None:
        self._path = os.path.dirname(path)

    def __enter__(self) -> None:
        self._before = os.getcwdb()
        os.chdir(self._path)

    def __exit__(self, *_: object) -> None:
        os.chdir(self._before)


_PROFILE: dict[str, Any] = {
    "BagIt-Profile-Info": {
        "BagIt-Profile-Identifier": "https://example.org/profile.json",
        "BagIt-Profile-Version": "1.4.0",
        "Source-Organization": "Museum",
        "External-Description": "What the museum keeps",
        "Version": "1",
    },
    "Bag-Info": {"Source-Organization": {"required": True, "values": ["Museum"], "repeatable": False}},
    "Manifests-Required": ["sha256"],
    "Manifests-Allowed": ["sha256", "sha512", "md5"],
    "Tag-Manifests-Required": [],
    "Tag-Files-Required": ["bag-info.txt"],
    "Tag-Files-Allowed": ["*.txt", "sub/*"],
    "Payload-Files-Required": ["data/a"],
    "Payload-Files-Allowed": ["data/*"],
    "Allow-Fetch.txt": True,
    "Serialization": "optional",
    "Accept-Serialization": ["application/zip"],
    "Accept-BagIt-Version": ["1.0", "0.97"],
}
_THINGS: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1e308,
        float("nan"),
        10**400,
        "",
        "x",
        "\ud800",
        "\0",
        [],
        {},
        [[]],
        [None],
        {"": ""},
        "*" * 5000,
    ),
    *(["x"] * 2000, "\x1b[2J", {"required": "yes"}, ["data/../x"], ["**/" * 50 + "x"], ["[" * 50], ["*a" * 30], "1.0"),
)


def profile_changed(rng: Random, folder: bytes) -> Subject:
    """The profile that a good bag is compared with."""
    profile = json.loads(json.dumps(_PROFILE))
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        inside = rng.choice([profile, *(each for each in profile.values() if isinstance(each, dict))])
        key = rng.choice(
            [*inside, rng.choice(("Data-Empty", "Fetch.txt-Required", "Unknown", "payload-oxum", "a\nb", ":"))]
        )
        match rng.randrange(3):
            case 0:
                inside.pop(key, None)
            case _:
                inside[key] = copy.deepcopy(rng.choice(_THINGS))
    written = json.dumps(profile, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")
    if rng.random() < 0.4:
        written = raw(rng, written)
    if rng.random() < 0.03:
        written = rng.choice((b"[" * 100_000, b'{"a":' * 100_000, b"", b"null", b'"' + b"x" * 100_000, b"1" * 100_000))
    path = os.path.join(folder, b"profile.json")
    bag = placed(folder, Draft(rng).files())
    with open(path, "wb") as file:
        file.write(written)
    return Subject(bag, path)


def archive_changed(rng: Random, folder: bytes) -> Subject:
    """A bag in a tar or zip, whose bytes are wrong; checksums of tar headers are made right again, mostly."""
    files = {b"bag/" + name: content for name, content in Draft(rng).files().items()}
    form = rng.choice(("tar", "tar.gz", "tar.bz2", "tar.xz", "zip", "zip"))
    content = _zipped(rng, files) if form == "zip" else _tarred(rng, files)
    changed = raw(rng, content, times=rng.choice((1, 2, 5, 20)))
    if form != "zip" and rng.random() < 0.8:
        changed = _summed(changed)
    if form not in ("zip", "tar"):
        module = __import__({"tar.gz": "gzip", "tar.bz2": "bz2", "tar.xz": "lzma"}[form])
        changed = module.compress(changed)
        changed = raw(rng, changed) if rng.random() < 0.5 else changed
    path = os.path.join(folder, b"bag." + form.encode())
    with open(path, "wb") as file:
        file.write(changed)
    return Subject(path)


def _tarred(rng: Random, files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=rng.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(os.fsdecode(name))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _summed(tar: bytes) -> bytes:
    """Each block that looks like a header gets the checksum that it should have."""
    changed = bytearray(tar)
    for at in range(0, len(changed) - 511, 512):
        if changed[at + 257 : at + 262] == b"ustar":
            changed[at + 148 : at + 156] = b" " * 8
            changed[at + 148 : at + 156] = b"%06o\0 " % sum(changed[at : at + 512])
    return bytes(changed)


def _zipped(rng: Random, files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(os.fsdecode(name)), content, compress_type=archive.compression)
    return out.getvalue()


def junk(rng: Random, folder: bytes) -> Subject:
    """No bag at all: a file of a few tokens."""
    path = os.path.join(folder, b"junk" + rng.choice((b"", b".tar", b".zip", b".tar.gz")))
    with open(path, "wb") as file:
        start = rng.choice(
            (b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"PK\x05\x06", b"\x28\xb5\x2f\xfd")
        )
        file.write(start + b"".join(rng.choice((*TOKENS, rng.randbytes(30))) for _ in range(rng.randrange(40))))
    return Subject(path)


KINDS: dict[str, Callable[[Random, bytes], Subject]] = {
    **{what: lines_changed(what) for what in ("manifest", "tag manifest", "bag-info", "fetch", "declaration")},
    "bytes": bytes_changed,
    "names": names_changed,
    "file kinds": kinds_changed,
    "profile": profile_changed,
    "archive": archive_changed,
    "junk": junk,
}
WEIGHTS = (6, 4, 4, 3, 3, 4, 3, 2, 3, 3, 1)
