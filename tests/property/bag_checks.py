"""What must hold of a bag that was made, worked out here from the bytes on disk, without the program's own readers."""

import os
import re
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from hashlib import new
from pathlib import Path

import bagit
import blake3

from checks.evidence import Outcome
from checks.findings import Severity
from preserve.bag import Validation, read, validate
from tests.property.payload_trees import Files, files_of, on_disk, the_reference_reads

Digests = dict[bytes, dict[str, str]]  # by path from the bag's root, by algorithm

_NOT_OF_HASHLIB = {"blake3"}


def judged(bag: bytes) -> Validation:
    return validate(bag).result()


def assert_valid(bag: bytes) -> None:
    found = judged(bag)
    errors = [each.message for each in found.findings if each.severity is Severity.ERROR]
    assert errors == []
    assert found.outcome is Outcome.PASS


def assert_bag_of(bag: bytes, payload: Files, algorithms: Sequence[str]) -> None:
    """It is valid for us, for the reference, and for whoever computes it by hand."""
    assert_valid(bag)
    assert {b"data/" + path: content for path, content in payload.items()} == files_of({b"data": on_disk(bag)[b"data"]})
    wanted = digests_of(payload, algorithms)
    top = {name: content for name, content in on_disk(bag).items() if isinstance(content, bytes)}
    tag_files = {name: content for name, content in top.items() if not name.startswith(b"tagmanifest-")}
    for algorithm in algorithms:
        assert listed_in(top[b"manifest-%s.txt" % algorithm.encode()]) == {
            path: digests[algorithm] for path, digests in wanted.items()
        }
        assert listed_in(top[b"tagmanifest-%s.txt" % algorithm.encode()]) == {
            name: digest_of(content, algorithm) for name, content in tag_files.items()
        }
    assert listed_by(bag) == wanted
    if the_reference_reads(payload) and not _NOT_OF_HASHLIB & set(algorithms):
        assert bagit.Bag(os.fsdecode(bag)).validate()


def digests_of(payload: Files, algorithms: Sequence[str]) -> Digests:
    return {
        b"data/" + path: {algorithm: digest_of(content, algorithm) for algorithm in algorithms}
        for path, content in payload.items()
    }


def digest_of(content: bytes, algorithm: str) -> str:
    if algorithm == "blake3":
        return blake3.blake3(content).hexdigest()
    return new(algorithm, content, usedforsecurity=False).hexdigest()


def listed_in(manifest: bytes) -> dict[bytes, str]:
    """A manifest of version 1.0, read as RFC 8493 §2.1.3 writes it."""
    lines = [line.split(b"  ", 1) for line in manifest.split(b"\n")[:-1]]
    paths = [_decoded(path) for _, path in lines]
    assert len(set(paths)) == len(paths)
    return {path: digest.decode() for path, (digest, _) in zip(paths, lines, strict=True)}


def _decoded(path: bytes) -> bytes:
    return re.sub(rb"%(0A|0D|25)", lambda code: bytes.fromhex(code[1].decode()), path)


def listed_by(bag: bytes) -> Digests:
    """What our own reading of the bag says of its payload."""
    return {file.path: dict(file.digests) for file in read(bag).files()}


def packed(bag: bytes, folder: Path) -> Iterator[Path]:
    """The bag's folder as tar and as zip, made by the standard library."""
    for form, name in ((tarfile.PAX_FORMAT, "pax"), (tarfile.GNU_FORMAT, "gnu")):
        path = folder / name / (os.fsdecode(os.path.basename(bag)) + ".tar")
        path.parent.mkdir()
        with tarfile.open(path, "w", format=form) as archive:
            archive.add(os.fsdecode(bag), arcname=path.stem)
        yield path
    path = folder / "zip" / (os.fsdecode(os.path.basename(bag)) + ".zip")
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in _members(bag, path.stem):
            archive.writestr(zipfile.ZipInfo(name), content)
    yield path


def _members(folder: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    yield name + "/", b""
    for entry in os.scandir(folder):
        below = f"{name}/{os.fsdecode(entry.name)}"
        if entry.is_dir():
            yield from _members(entry.path, below)
        else:
            yield below, Path(os.fsdecode(entry.path)).read_bytes()


def unpacked(archive: Path) -> bytes:
    """The bag's folder, unpacked beside the archive by the standard library."""
    into = archive.parent / "unpacked"
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as file:
            file.extractall(into)
    else:
        with tarfile.open(archive) as file:
            file.extractall(into, filter="tar")
    return os.fsencode(into / archive.stem)


def copied(bag: bytes, to: bytes) -> bytes:
    shutil.copytree(os.fsdecode(bag), os.fsdecode(to), symlinks=True)
    return to
