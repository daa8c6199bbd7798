"""Archives for tests: a valid bag of two files as tar and zip, with room for members that should not be there."""

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.validating.linting import ADVICE
from preserve.bag.validating.validation import Validation, validate
from tests.unit.preserve.bag.bags import DECLARED, hexed

BAG = {"data/a.txt": b"alpha", "data/sub/b.txt": b"beta", "bagit.txt": DECLARED}
BAG["manifest-sha256.txt"] = b"".join(
    hexed(BAG[name]) + b"  " + name.encode() + b"\n" for name in ("data/a.txt", "data/sub/b.txt")
)
IN_FOLDER = {"bag/" + name: content for name, content in BAG.items()}
BLOCK = 512


def member(name: str, content: bytes = b"", *, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """A tar header for a member; links and devices have no content."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname, info.mtime = len(content), kind, link, 1_700_000_000
    return info


def header(name: str, content: bytes = b"", *, kind: bytes = tarfile.REGTYPE, size: int | None = None) -> bytes:
    """The bytes of one plain tar header, which may state another size than the content has."""
    info = member(name, content, kind=kind)
    info.size = len(content) if size is None else size
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def tar(
    files: dict[str, bytes] = IN_FOLDER,
    *,
    more: tuple[tarfile.TarInfo, ...] = (),
    raw: bytes = b"",
    form: int = tarfile.GNU_FORMAT,
    mode: str = "w:",
) -> bytes:
    """A tar of these files, of members without content, and of raw blocks between them and the end."""
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=form) as archive:
        for name, content in files.items():
            archive.addfile(member(name, content), BytesIO(content))
        for info in more:
            archive.addfile(info)
        made = archive.offset
    plain = out.getvalue()[:made] + raw + bytes(2 * BLOCK)
    return plain if mode == "w:" else _packed(plain, mode)


def _packed(plain: bytes, mode: str) -> bytes:
    if mode == "w:gz":
        return gzip.compress(plain, mtime=0)
    return bz2.compress(plain) if mode == "w:bz2" else lzma.compress(plain)


def zipped(
    files: dict[str, bytes] = IN_FOLDER,
    *,
    method: int = zipfile.ZIP_DEFLATED,
    more: tuple[tuple[zipfile.ZipInfo, bytes], ...] = (),
) -> bytes:
    """A zip of these files and of further members."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
        for info, content in more:
            archive.writestr(info, content)
    return out.getvalue()


def written(folder: Path, content: bytes, name: str = "bag.tar") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def judged(path: Path) -> Validation:
    return validate(os.fsencode(path))


def found(path: Path) -> list[Finding]:
    """What is said of it, without the advice that a bag of two files and a manifest calls for."""
    return [finding for finding in judged(path).findings if finding.code not in ADVICE]


def seen(path: Path) -> set[tuple[Code, bytes | None]]:
    """What a validation finds: codes and paths."""
    return {(finding.code, finding.path) for finding in found(path)}


def why(path: Path, code: Code) -> str:
    """The one message of that code."""
    (message,) = [finding.message for finding in found(path) if finding.code is code]
    return message
