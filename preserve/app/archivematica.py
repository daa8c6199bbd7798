"""The AIPs of a Storage Service: listed, and checked in one of three ways; what came of it is written down."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from uuid import UUID

from checks.names import show
from checks.ports import StoreError
from config import Archivematica, Settings
from preserve.app.bag_views import finding_line
from preserve.app.workspace import utc_now
from preserve.archivematica import checking, command
from preserve.archivematica.address import Service
from preserve.archivematica.answers import Package
from preserve.archivematica.asking import UnansweredError
from preserve.archivematica.checked import Checked, How, Told
from preserve.archivematica.checking import Way
from preserve.archivematica.service import StorageService
from preserve.catalog.catalog import Catalog
from preserve.errors import UsageError
from preserve.progress import Progress
from preserve.stores.secrets import read_password
from reports.archivematica import AipLine, CheckedLine, CheckView, ListView
from reports.rows import FindingLine

CHECKED = "archivematica-checked"  # the journal's link
_GONE = "DELETED"
_THREADS_MAXIMUM = 8


def list_aips(settings: Settings, progress: Progress) -> ListView:
    """What the Storage Service lists. Where that breaks off, what came until then, and why it ended."""
    storage = _storage(settings)
    packages, problem = _listed(storage, progress)
    return ListView(
        service=storage.service.url,
        lines=[_aip_line(package) for package in packages],
        warnings=storage.service.warnings,
        problem=problem.message if problem else "",
        remedy=problem.remedy if problem else "",
    )


def check(
    settings: Settings, uuids: Sequence[UUID], how: How, *, locally: bool = False, progress: Progress
) -> CheckView:
    """Checks these AIPs; all that the service lists and has not deleted if none are named.

    Each is written into the journal as it is done, if there is a catalog.

    Raises:
        UsageError: no Storage Service is set, or the command is not installed.
        UndeterminedError: the key cannot be read.
        CatalogError: the catalog is there, and cannot be written to.
    """
    storage = _storage(settings)
    way = Way(
        how=how,
        command=command.find(_section(settings).command) if how is How.FIXITY else None,
        locally=locally,
        threads=settings.audit.threads or min(_THREADS_MAXIMUM, os.cpu_count() or 1),
    )
    problem = None
    if not uuids:
        packages, problem = _listed(storage, progress)
        uuids = [package.uuid for package in packages if package.status != _GONE]
    lines = [_checked_line(each) for each in _recorded(settings, storage, uuids, way, progress)]
    return CheckView(
        service=storage.service.url,
        lines=lines,
        warnings=storage.service.warnings,
        problem=problem.message if problem else "",
        remedy=problem.remedy if problem else "",
    )


def _recorded(
    settings: Settings, storage: StorageService, uuids: Sequence[UUID], way: Way, progress: Progress
) -> Iterator[Checked]:
    with ExitStack() as held:
        catalog = None
        if settings.catalog.path.exists():
            catalog = Catalog.open(settings.catalog.path)
            held.callback(catalog.close)
        progress.stage("checking AIPs", files=len(uuids))
        for checked in checking.check(storage, uuids, way, progress):
            if catalog is not None:
                catalog.record_of_itself(CHECKED, _body(storage.service, checked), utc_now())
            progress.advance(files=1)
            yield checked


def _body(service: Service, checked: Checked) -> dict[str, object]:
    return {
        "service": service.url,
        "uuid": str(checked.uuid),
        "how": checked.how.value,
        "outcome": checked.outcome.value,
        "evidence": checked.evidence.label if checked.evidence else None,
        "errors": len(checked.told) + len(checked.found),
    }


def _listed(storage: StorageService, progress: Progress) -> tuple[list[Package], UnansweredError | None]:
    progress.stage("asking the Storage Service for its list")
    packages: list[Package] = []
    try:
        for package in storage.packages():
            packages.append(package)
    except UnansweredError as error:
        return packages, error
    return packages, None


def _storage(settings: Settings) -> StorageService:
    section = _section(settings)
    try:
        key = read_password(section.secret)
    except StoreError as error:
        unset = section.secret.kind == "env"
        remedy = f"Set the variable {section.secret.name} where `preserve` runs" if unset else "Put the key there"
        raise UsageError(
            f"the Storage Service's API key: {error}",
            remedy=f"{remedy}, or name another place: `secret` below [archivematica].",
        ) from None
    seconds = section.timeout.total_seconds()
    return StorageService(Service(url=section.url, user=section.user, key=key.strip(), seconds=seconds))


def _section(settings: Settings) -> Archivematica:
    if settings.archivematica is None:
        raise UsageError(
            f"no Storage Service is set in {settings.path}",
            remedy="Write url, user and secret below [archivematica]; see docs/archivematica.md.",
        )
    return settings.archivematica


def _aip_line(package: Package) -> AipLine:
    return AipLine(
        uuid=str(package.uuid),
        status=_showable(package.status),
        size_bytes=package.size_bytes,
        stored=_showable(package.stored),
        location=_showable(package.location),
    )


def _checked_line(checked: Checked) -> CheckedLine:
    uuid = str(checked.uuid)
    lines = [_told_line(told, uuid) for told in checked.told]
    lines += [replace(finding_line(finding), package=uuid) for finding in checked.found]
    return CheckedLine(
        uuid=uuid,
        how=checked.how.value,
        outcome=checked.outcome,
        evidence=checked.evidence.label if checked.evidence else None,
        sentence=_showable(checked.sentence),
        findings=lines,
        notes=[_showable(note) for note in checked.notes],
    )


def _told_line(told: Told, uuid: str) -> FindingLine:
    failure = told.failure
    return FindingLine(
        code=told.code,
        severity=told.severity,
        message=_showable(told.message),
        package=uuid,
        path=told.path,
        expected=failure.expected if failure else None,
        observed=failure.observed if failure else None,
    )


def _showable(text: str) -> str:
    return show(text.encode("utf-8", "backslashreplace"))
