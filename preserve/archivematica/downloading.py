"""An AIP downloaded and read here: its bytes against what the Storage Service states, and the bag in it."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import UUID

from lxml import etree

from checks.evidence import Evidence, Outcome, worst
from checks.findings import Severity
from preserve.archivematica import checked
from preserve.archivematica.answers import Package
from preserve.archivematica.asking import Stream, UnansweredError
from preserve.archivematica.checked import Checked, How, Told
from preserve.archivematica.service import StorageService
from preserve.bag.validating.depth import Depth
from preserve.bag.validating.validation import validate
from preserve.errors import UndeterminedError
from preserve.progress import Progress

_SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", re.ASCII)
_ARCHIVES = (".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zip", ".7z")
_MOST_FINDINGS = 10_000  # of one AIP
_NO_ARCHIVES = ("text/html", "application/json")  # a page to log in at, or an error
_LEFT_FREE_BYTES = 64 << 20
_DIGEST = re.compile(r"[0-9a-f]+", re.ASCII)
_DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}


@dataclass(frozen=True, slots=True)
class _Stated:
    """What the pointer file states of the archive file."""

    algorithm: str
    digest: str


@dataclass(frozen=True, slots=True)
class _Taken:
    """What was downloaded. `whole`: that all of it came is known from the answer itself, or from its stated size."""

    path: Path
    size_bytes: int
    digest: str
    whole: bool


def check(storage: StorageService, uuid: UUID, progress: Progress, *, threads: int) -> Checked:
    """Downloads one AIP to a temporary folder, reads all of it, and deletes it there.

    A tar or zip is validated as the bag that it holds, never unpacked. A 7z archive cannot be opened here: its bytes
    are compared with the digest that the service states, if it states one.

    Raises:
        UndeterminedError: the service does not answer, or there is no room for it here.
    """
    package = storage.package(uuid)
    pointer = storage.pointer_file(uuid) if _stays(package) else None
    stated = None if pointer is None else _stated(pointer)
    with tempfile.TemporaryDirectory(prefix="preserve-aip-") as folder:
        progress.stage(f"downloading {uuid}", bytes=package.size_bytes)
        taken = _download(storage, package, Path(folder), stated, progress)
        progress.stage(f"reading {uuid}")
        found = _judged(package, taken, stated, progress, threads)
    if found.evidence is not None and found.outcome is not Outcome.PASS and not taken.whole:
        raise UnansweredError(
            f"the answer did not say how long it is, and the {taken.size_bytes:,} bytes that came are no good AIP: it "
            "may have been cut off",
            remedy="Ask again, past a proxy that leaves the length out if there is one, or have the service check it "
            "(--by service).",
        )
    return found


def _is_file(package: Package) -> bool:
    """Whether it lies there as one archive file: one that is a folder is packed only while it is sent."""
    return package.path.lower().endswith(_ARCHIVES)


def _stays(package: Package) -> bool:
    """Whether the bytes that are sent are those that lie there: all else is packed or decrypted on the way."""
    return _is_file(package) and not package.encrypted


def _download(
    storage: StorageService, package: Package, folder: Path, stated: _Stated | None, progress: Progress
) -> _Taken:
    digest = hashlib.new(stated.algorithm if stated else "sha256", usedforsecurity=False)
    path, size = folder / _name(package), 0
    with storage.download(package.uuid) as stream:
        if stream.status != 200:
            raise UnansweredError(
                f"the Storage Service answered HTTP {stream.status} when the AIP was to be downloaded"
            )
        if stream.kind in _NO_ARCHIVES:
            raise UnansweredError(
                f"the Storage Service sent no archive but {stream.kind} when the AIP was to be downloaded"
            )
        most = _room(stream, folder)
        try:
            with open(path, "xb") as file:
                for block in stream.blocks(most):
                    digest.update(block)
                    try:
                        file.write(block)
                    except OSError as error:
                        raise _no_room(folder, error.strerror or str(error)) from error
                    size += len(block)
                    progress.advance(bytes=len(block))
            whole = stream.bounded or (_stays(package) and package.size_bytes == size)
        except UnansweredError as error:
            if size + _LEFT_FREE_BYTES < most or error.timed_out:
                raise
            raise _no_room(folder, f"more than {size:,} bytes came") from error
    return _Taken(path, size, digest.hexdigest(), whole)


def _room(stream: Stream, folder: Path) -> int:
    """How many bytes may come. What is larger than the room here is refused before it fills the disk."""
    free = shutil.disk_usage(folder).free - _LEFT_FREE_BYTES
    if stream.length_bytes is not None and stream.length_bytes > free:
        raise _no_room(folder, f"it has {stream.length_bytes:,} bytes, and {max(free, 0):,} are free")
    return max(free, 0)


def _no_room(folder: Path, why: str) -> UndeterminedError:
    return UndeterminedError(
        f"there is no room for the AIP in {folder.parent}: {why}",
        remedy="Set TMPDIR to a folder on a larger disk.",
    )


def _name(package: Package) -> str:
    """A name for it here, from what the service calls it, as far as that is a plain name."""
    name = package.path.rstrip("/").rpartition("/")[2]
    if _NAME.fullmatch(name) is None:
        return str(package.uuid)
    return name if _is_file(package) else f"{name}.tar"


def _judged(package: Package, taken: _Taken, stated: _Stated | None, progress: Progress, threads: int) -> Checked:
    told = _compared(package, taken, stated)
    outcome = Outcome.FAIL if told else Outcome.PASS
    matched = ""
    if stated is not None and not told:
        matched = f"its {taken.size_bytes:,} bytes have the {stated.algorithm} that the Storage Service states"
    with open(taken.path, "rb") as file:
        sealed = file.read(len(_SEVEN_ZIP)) == _SEVEN_ZIP
    if sealed:
        return _unopened(package, told, outcome, matched)
    result = validate(bytes(taken.path), depth=Depth.FULL, threads=threads, progress=progress)
    outcome = worst([outcome, result.outcome])
    more = len(result.findings) - _MOST_FINDINGS
    words = [f"downloaded and read here: the bag in it is {result.verdict}"] + ([matched] if matched else [])
    return Checked(
        uuid=package.uuid,
        how=How.DOWNLOAD,
        outcome=outcome,
        sentence="; ".join(words),
        evidence=Evidence.READ,
        told=told,
        found=tuple(islice(result.findings, _MOST_FINDINGS)),
        notes=(f"{more:,} more findings are not told",) if more > 0 else (),
    )


def _unopened(package: Package, told: list[Told], outcome: Outcome, matched: str) -> Checked:
    """Of a 7z archive the outside is all that can be read here."""
    note = "a 7z archive is not opened here, so the bag in it was not validated; --by service has the service do that"
    if not told and not matched:
        return Checked(
            uuid=package.uuid,
            how=How.DOWNLOAD,
            outcome=Outcome.INCONCLUSIVE,
            sentence="not determined: it is a 7z archive, and the Storage Service states no digest of it",
            told=[Told(code=checked.UNOPENED, severity=Severity.ERROR, message=note)],
        )
    return Checked(
        uuid=package.uuid,
        how=How.DOWNLOAD,
        outcome=outcome,
        sentence=f"downloaded and read here: {matched or 'it is not what the Storage Service states'}",
        evidence=Evidence.READ,
        told=[*told, Told(code=checked.UNOPENED, severity=Severity.WARNING, message=note)],
    )


def _compared(package: Package, taken: _Taken, stated: _Stated | None) -> list[Told]:
    told: list[Told] = []
    if _stays(package) and package.size_bytes not in (None, taken.size_bytes):
        message = f"{taken.size_bytes:,} bytes came, and the Storage Service states {package.size_bytes:,}"
        told.append(Told(code=checked.SIZE, severity=Severity.ERROR, message=message))
    if stated is not None and stated.digest != taken.digest:
        message = f"its {stated.algorithm} is {taken.digest}, and the Storage Service states {stated.digest}"
        told.append(Told(code=checked.DIGEST, severity=Severity.ERROR, message=message))
    return told


def _stated(pointer: bytes) -> _Stated | None:
    """The digest of the archive file in its pointer file (METS with PREMIS): None where there is not exactly one."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(pointer, parser)
    except etree.XMLSyntaxError:
        return None
    found: set[_Stated] = set()
    for fixity in root.iter("{*}fixity"):
        texts: Mapping[str, str] = {
            etree.QName(child).localname: (child.text or "").strip().lower() for child in fixity.iterchildren("{*}*")
        }
        algorithm = texts.get("messageDigestAlgorithm", "").replace("-", "")
        digest = texts.get("messageDigest", "")
        if _DIGITS.get(algorithm) == len(digest) and _DIGEST.fullmatch(digest):
            found.add(_Stated(algorithm, digest))
    return found.pop() if len(found) == 1 else None
