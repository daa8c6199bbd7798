"""Bags that are large on purpose: what costs their maker little and must not cost whoever reads them much."""

import io
import itertools
import os
import tarfile
import unicodedata
from collections.abc import Callable, Iterable
from functools import partial
from random import Random

from tests.campaigns.fuzzing_bags import Subject, placed

_MILLION = 1_000_000
_DECLARED = b"BagIt-Version: %s\nTag-File-Character-Encoding: %s\n"
_DIGEST = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of nothing, in SHA-256
_LINE = _DIGEST + b"  "


def _bag(folder: bytes, version: bytes = b"1.0", encoding: bytes = b"UTF-8") -> bytes:
    """A good bag of one empty file."""
    return placed(
        folder,
        {
            b"bagit.txt": _DECLARED % (version, encoding),
            b"data/a": b"",
            b"manifest-sha256.txt": _LINE + b"data/a\n",
        },
    )


def _written(bag: bytes, name: bytes, pieces: Iterable[bytes], start: bytes = b"") -> Subject:
    with open(os.path.join(bag, name), "wb") as file:
        file.write(start)
        file.writelines(pieces)
    return Subject(bag)


def _endless(name: bytes, start: bytes, folder: bytes) -> Subject:
    """One line of 100 MB without end."""
    return _written(_bag(folder), name, itertools.repeat(b"x" * _MILLION, 100), start)


def _endless_utf16(folder: bytes) -> Subject:
    bag = _bag(folder, encoding=b"UTF-16LE")
    return _written(bag, b"manifest-sha256.txt", itertools.repeat(b"x\0" * _MILLION, 50))


def _many(name: bytes, line: bytes, folder: bytes, *, start: bytes = b"", version: bytes = b"1.0") -> Subject:
    """A million times the same line; `%d` in it is their number."""
    lines = (line % number for number in range(_MILLION)) if b"%d" in line else itertools.repeat(line, _MILLION)
    return _written(_bag(folder, version), name, lines, start)


def _missing_twice(folder: bytes) -> Subject:
    """Two manifests, each with a million files that are not there, and none of the other's."""
    bag = _bag(folder)
    _written(bag, b"manifest-md5.txt", (b"%032d  data/md5-%d\n" % (number, number) for number in range(_MILLION // 2)))
    return _written(bag, b"manifest-sha256.txt", (_LINE + b"data/sha-%d\n" % number for number in range(_MILLION // 2)))


def _deep_paths(folder: bytes) -> Subject:
    lines = (_LINE + b"data/" + b"a/" * 30_000 + b"%d\n" % number for number in range(1000))
    return _written(_bag(folder), b"manifest-sha256.txt", lines)


def _deep_folders(depth: int, folder: bytes) -> Subject:
    """Folders in folders, deeper than a path can say."""
    bag = _bag(folder)
    here = os.open(os.path.join(bag, b"data"), os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(b"d", dir_fd=here)
        below = os.open(b"d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open(b"deepest", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    return Subject(bag)


def _manifests(number: int, stem: bytes, folder: bytes, *, also: bytes = b"", folders: bool = False) -> Subject:
    """So many manifests by name, empty or folders; `also` begins the names of every second one."""
    bag = _bag(folder)
    for at in range(number):
        path = os.path.join(bag, (also if also and at % 2 else stem) + b"x%d.txt" % at)
        if folders:
            os.mkdir(path)
        else:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    return Subject(bag)


def _manifests_and_files(folder: bytes) -> Subject:
    """A thousand manifests, and a thousand files in one of them: each of the others leaves out each."""
    subject = _manifests(1000, b"manifest-", folder)
    return _written(subject.bag, b"manifest-sha256.txt", (_LINE + b"data/%d\n" % number for number in range(1000)))


def _long_algorithms(folder: bytes) -> Subject:
    """Algorithms with names that no disk holds, but an archive does."""
    path = os.path.join(folder, b"bag.tar")
    names = ["bag/manifest-" + "x" * (3000 + at) + ".txt" for at in range(500)]
    files = {"bag/bagit.txt": _DECLARED % (b"1.0", b"UTF-8"), "bag/data/a": b"", **dict.fromkeys(names, b"0  data/a\n")}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return Subject(path)


def _twins(folder: bytes) -> Subject:
    """Thousands of names in one folder that differ only in case, and two only in form."""
    bag = _bag(folder)
    cases = ("".join(each) for each in itertools.product(*zip("abcdefghijklmnop", "ABCDEFGHIJKLMNOP", strict=True)))
    for name in (
        *(each + "\N{LATIN SMALL LETTER E WITH ACUTE}" for each in cases),
        "abcdefghijklmnope\N{COMBINING ACUTE ACCENT}",
    ):
        os.close(os.open(os.path.join(bag, b"data", name.encode()), os.O_CREAT | os.O_WRONLY))
    return Subject(bag)


def _spellings(folder: bytes) -> Subject:
    """A quarter of a million names that are one when normalised, listed and not there."""
    forms = itertools.product(("é", unicodedata.normalize("NFD", "é")), repeat=18)
    return _written(
        _bag(folder), b"manifest-sha256.txt", (_LINE + b"data/" + "".join(f).encode() + b"\n" for f in forms)
    )


def _wide(folder: bytes) -> Subject:
    """A hundred thousand files that no manifest lists."""
    bag = _bag(folder)
    for number in range(100_000):
        os.close(os.open(os.path.join(bag, b"data", b"%d" % number), os.O_CREAT | os.O_WRONLY))
    return Subject(bag)


_TAG = b"tagmanifest-sha256.txt"
_GIANTS: dict[str, Callable[[bytes], Subject]] = {
    "endless bagit.txt": partial(_endless, b"bagit.txt", b"BagIt-Version: "),
    "endless manifest": partial(_endless, b"manifest-sha256.txt", _LINE + b"data/"),
    "endless tag manifest": partial(_endless, _TAG, _LINE),
    "endless bag-info": partial(_endless, b"bag-info.txt", b"Label: "),
    "endless fetch": partial(_endless, b"fetch.txt", b"http://x/ - data/"),
    "endless manifest in UTF-16": _endless_utf16,
    "short lines in bagit.txt": partial(_many, b"bagit.txt", b"x\n"),
    "short lines in a manifest": partial(_many, b"manifest-sha256.txt", b"x\n"),
    "blank lines in a manifest": partial(_many, b"manifest-sha256.txt", b"\n"),
    "short lines in a tag manifest": partial(_many, _TAG, b"x\n"),
    "short lines in bag-info": partial(_many, b"bag-info.txt", b"x\n"),
    "short lines in fetch": partial(_many, b"fetch.txt", b"x\n"),
    "continuation lines": partial(_many, b"bag-info.txt", b" more\n", start=b"Label: value\n"),
    "continuation of nothing": partial(_many, b"bag-info.txt", b" x\n"),
    "labels": partial(_many, b"bag-info.txt", b"L%d: v\n"),
    "Payload-Oxum lines": partial(_many, b"bag-info.txt", b"Payload-Oxum: 0.1\n"),
    "wrong Payload-Oxum lines": partial(_many, b"bag-info.txt", b"Payload-Oxum: x\n", version=b"0.97"),
    "one path, again and again": partial(_many, b"manifest-sha256.txt", _LINE + b"data/a\n"),
    "one path, again and again, 0.97": partial(_many, b"manifest-sha256.txt", _LINE + b"data/a\n", version=b"0.97"),
    "one tag file, again and again": partial(_many, _TAG, _LINE + b"bagit.txt\n"),
    "one path in fetch, again and again": partial(_many, b"fetch.txt", b"http://x/ 0 data/a\n"),
    "missing files": partial(_many, b"manifest-sha256.txt", _LINE + b"data/%d\n"),
    "missing tag files": partial(_many, _TAG, _LINE + b"t%d\n"),
    "missing files, two manifests": _missing_twice,
    "unlisted in fetch": partial(_many, b"fetch.txt", b"http://x/ 0 data/%d\n"),
    "unsafe paths": partial(_many, b"manifest-sha256.txt", _LINE + b"../%d\n"),
    "deep paths": _deep_paths,
    "folders, 1,500 deep": partial(_deep_folders, 1500),
    "folders, 20,000 deep": partial(_deep_folders, 20_000),
    "66,000 manifests": partial(_manifests, 66_000, b"manifest-"),
    "66,000 manifests that are folders": partial(_manifests, 66_000, b"manifest-", folders=True),
    "33,000 manifests and as many tag manifests": partial(_manifests, 66_000, b"manifest-", also=b"tagmanifest-"),
    "1,000 manifests and as many tag manifests": partial(_manifests, 2000, b"manifest-", also=b"tagmanifest-"),
    "1,000 manifests and 1,000 files": _manifests_and_files,
    "long names of algorithms": _long_algorithms,
    "65,536 twins by case": _twins,
    "262,144 spellings of one name": _spellings,
    "100,000 unlisted files": _wide,
}

GIANTS: dict[str, Callable[[Random, bytes], Subject]] = {
    "giant: " + name: partial(lambda make, rng, folder: make(folder), make) for name, make in _GIANTS.items()
}
