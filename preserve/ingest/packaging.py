"""Making a package: a bag, its bag-info.txt, and the PREMIS file that says how it came to be."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from checks.names import show
from preserve import __version__
from preserve.bag.making.given import COMPUTED, algorithms_named, is_one_line, place, refuse_line, refuse_lines
from preserve.bag.making.ignoring import SYSTEM_FILES
from preserve.bag.making.request import (
    DEFAULT_ALGORITHMS,
    BagRequest,
    EmptyFolders,
    Payload,
    TagFile,
    Written,
)
from preserve.bag.making.sources import called
from preserve.bag.making.writing import write_bag
from preserve.errors import UsageError
from preserve.progress import Progress
from preserve.provenance.facts import FileFact, PackageFact, PremisDetail

if TYPE_CHECKING:
    from preserve.bag.profiles.model import Profile
    from preserve.provenance.formats import FormatIdentifier

PREMIS_PATH = b"metadata/preservation/premis.xml"
_ORGANIZATION, _AGENT, _IDENTIFIER = "Source-Organization", "Bag-Software-Agent", "External-Identifier"
_ORDER = (_ORGANIZATION, "Bagging-Date", "Payload-Oxum", _AGENT, _IDENTIFIER, "Package-UUID")
_SOURCES_NAMED = 100  # in PREMIS
_IDENTIFIED_AT_ONCE = 512  # paths handed to the identification of formats


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaging:
    """What is asked for.

    Args:
        sources: one folder, or several files and folders; see `preserve.bag.making.request.BagRequest`.
        target: what becomes the bag; None makes the only source, a folder, the bag.
        algorithms: as people write them, such as `SHA-256`.
        info: labels and values in order. A label that is written anyway replaces what would stand in its place.
        identifier: the package's; else the one in `info`, else the name of the folder that is bagged, or of the target
            if it is not one folder.
        organization: of the settings; `info` may say another.
        threads: how many large files are hashed side by side.
        ignore: patterns of what is left out.
        ignore_system_files: those of `preserve.bag.making.ignoring.SYSTEM_FILES` too.
        empty_folders: what becomes of them.
        follow_links: whether links are taken for what they mean.
        premis: what the PREMIS file names; None writes none.
        profile: what the bag must be. It is named in bag-info.txt.
    """

    sources: Sequence[bytes]
    target: bytes | None
    algorithms: Sequence[str] = DEFAULT_ALGORITHMS
    info: Sequence[tuple[str, str]] = ()
    identifier: str | None = None
    organization: str | None = None
    premis: PremisDetail | None = PremisDetail.FULL
    threads: int = 2
    ignore: Sequence[bytes] = ()
    ignore_system_files: bool = False
    empty_folders: EmptyFolders = EmptyFolders.LEAVE_OUT
    follow_links: bool = False
    profile: "Profile | None" = None


def package(asked: Packaging, progress: Progress | None = None) -> Written:
    """Makes the bag, or goes on making it.

    Raises:
        UsageError, UndeterminedError: see `preserve.bag.making.writing.write_bag`; also for algorithms and labels.
    """
    profile = asked.profile
    if profile is None:
        return write_bag(_request(asked), progress)
    from preserve.bag.profiles import making as making  # most bags are made for none, and it is slow to come

    request = _request(replace(asked, info=making.with_identifier(profile, asked.info)))
    added = [each.path for each in request.tag_files]
    better = making.refuse_unfit(profile, lines=request.info, algorithms=request.algorithms, tag_files=added)
    made = write_bag(replace(request, approve=partial(making.refuse_unfit_payload, profile)), progress)
    return replace(made, warnings=(*made.warnings, *better))


def _request(asked: Packaging) -> BagRequest:
    sources = tuple(os.path.realpath(place(source)) for source in asked.sources)
    info = _info(asked, sources)
    return BagRequest(
        sources=sources,
        target=None if asked.target is None else place(asked.target),
        algorithms=algorithms_named(asked.algorithms),
        info=info,
        tag_files=_tag_files(asked, sources, info),
        threads=asked.threads,
        ignore=(*asked.ignore, *(SYSTEM_FILES if asked.ignore_system_files else ())),
        in_reserve=frozenset(SYSTEM_FILES if asked.ignore_system_files else ()) - set(asked.ignore),
        empty_folders=asked.empty_folders,
        follow_links=asked.follow_links,
    )


def _tag_files(
    asked: Packaging, sources: tuple[bytes, ...], info: Sequence[tuple[str, str | None]]
) -> tuple[TagFile, ...]:
    if asked.premis is None:
        return ()
    premis = _Premis(asked.premis, called(sources, _SOURCES_NAMED), info, in_place=asked.target is None)
    return (TagFile(PREMIS_PATH, premis.write, choice=str(asked.premis)),)


def _info(asked: Packaging, sources: Sequence[bytes]) -> tuple[tuple[str, str | None], ...]:
    """The lines of bag-info.txt; a value of None is filled in when the payload was read."""
    given: dict[str, list[str]] = {}
    refuse_lines(asked.info)
    for label, value in asked.info:
        given.setdefault(label.lower(), []).append(value)
    if asked.identifier is not None:
        if _IDENTIFIER.lower() in given:
            raise UsageError(
                "the identifier is given twice", remedy=f"Use --id or --info '{_IDENTIFIER}: …', not both."
            )
        refuse_line(_IDENTIFIER, asked.identifier)
        given[_IDENTIFIER.lower()] = [asked.identifier]
    defaults: dict[str, str | None] = {
        _ORGANIZATION: asked.organization,
        _AGENT: f"preserve {__version__}",
        _IDENTIFIER: _name_of(_named_after(asked.target, sources)),
    }
    lines: list[tuple[str, str | None]] = []
    for label in _ORDER:
        values: Sequence[str | None] = given.get(label.lower()) or [defaults.get(label)]
        lines += [(label, value) for value in values if value is not None or label in COMPUTED]
    standard = {label.lower() for label in _ORDER}
    lines += [(label, value) for label, value in asked.info if label.lower() not in standard]
    return tuple(lines)


def _named_after(target: bytes | None, sources: Sequence[bytes]) -> bytes:
    one_folder = len(sources) == 1 and os.path.isdir(sources[0])
    return sources[0] if target is None or one_folder else os.path.abspath(target)


def _name_of(path: bytes) -> str:
    name = os.path.basename(path)
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return show(name)
    return text if is_one_line(text) else show(name)


class _Premis:
    """Writes the PREMIS file of one package."""

    def __init__(
        self, detail: PremisDetail, sources: bytes, info: Sequence[tuple[str, str | None]], *, in_place: bool
    ) -> None:
        self._detail = detail
        self._sources = sources
        self._in_place = in_place
        self._info = dict(reversed(info))  # the first of a label counts

    def write(self, stream: BinaryIO, payload: Payload) -> None:
        """See `preserve.bag.making.request.TagFile`."""
        from preserve.provenance.formats import NoIdentifier, identifier
        from preserve.provenance.ingestion import write_ingestion

        full = self._detail is PremisDetail.FULL
        formats = identifier() if full else NoIdentifier()
        fact = PackageFact(
            uuid=payload.uuid,
            identifier=self._info.get(_IDENTIFIER) or "",
            organization=self._info.get(_ORGANIZATION),
            person=self._info.get("Contact-Name"),
            source=show(self._sources),
            started_at=payload.started_at,
            ended_at=payload.ended_at,
            payload_files=payload.file_count,
            payload_bytes=payload.size_bytes,
            algorithms=tuple(payload.algorithms),
            in_place=self._in_place,
            software_version=__version__,
            format_software=formats.software if full else None,
        )
        write_ingestion(stream, fact, _facts(payload, formats) if full else (), self._detail)


def _facts(payload: Payload, formats: "FormatIdentifier") -> Iterator[FileFact]:
    files = payload.files()
    while batch := list(islice(files, _IDENTIFIED_AT_ONCE)):
        found = formats.identify_many([payload.locate(file.path) for file in batch])
        for file, format_ in zip(batch, found, strict=True):
            yield FileFact(
                path=file.path,
                original_name=file.path.removeprefix(b"data/"),
                size_bytes=file.size_bytes,
                digests=file.digests,
                format=format_,
            )
