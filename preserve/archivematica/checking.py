"""Checking AIPs, one after the other, each in one of three ways."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from preserve.archivematica import command, downloading
from preserve.archivematica.checked import Checked, How, by_command, by_word, unanswered
from preserve.archivematica.relay import Relay
from preserve.archivematica.service import StorageService
from preserve.errors import UndeterminedError
from preserve.progress import Progress

_AFTER_SECONDS = 30.0  # so that the command can tell that the service did not answer in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How AIPs are checked. `locally`: the service is to read its own bytes, and not go by another store's word."""

    how: How
    command: Path | None  # for `FIXITY`
    locally: bool
    threads: int


def check(storage: StorageService, uuids: Iterable[UUID], way: Way, progress: Progress) -> Iterator[Checked]:
    """Each as it is done. What cannot be determined of one does not keep the others waiting."""
    for uuid in uuids:
        try:
            yield _checked(storage, uuid, way, progress)
        except UndeterminedError as error:
            yield unanswered(uuid, way.how, error)


def _checked(storage: StorageService, uuid: UUID, way: Way, progress: Progress) -> Checked:
    if way.how is How.DOWNLOAD:
        return downloading.check(storage, uuid, progress, threads=way.threads)
    progress.stage(f"the Storage Service checks {uuid}")
    if way.how is How.SERVICE:
        return by_word(uuid, way.how, storage.check(uuid, locally=way.locally))
    assert way.command is not None
    with Relay(storage, uuid, locally=way.locally) as relay:
        run = command.scan(way.command, str(uuid), relay, seconds=storage.service.seconds + _AFTER_SECONDS)
        answers, troubles = tuple(relay.checks), tuple(relay.troubles)
    return by_command(uuid, run, answers, troubles)
