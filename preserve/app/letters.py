"""What a letter needs to know of the archive, looked up when it is written."""

import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice

from checks.alarms import Alarm, Letter
from checks.concerns import ConcernCode
from checks.evidence import Outcome
from checks.verdicts import Verdict
from preserve.alerts.channels import Message
from preserve.app.good_copies import good_on
from preserve.app.workspace import Workspace
from preserve.catalog.rows import PackageRow
from reports import letters
from reports.letters import MOST_NAMES, Found, Head, LetterView

_DAMAGE = (ConcernCode.DAMAGED, ConcernCode.MASS_CHANGE)


def compose(workspace: Workspace, letter: Letter, now: datetime) -> Message:
    """The letter as it goes out."""
    number, hash_ = workspace.catalog.head()
    view = LetterView(
        written_at=now,
        organization=workspace.settings.organization or "",
        settings=shown_settings(workspace),
        host=socket.gethostname(),
        standing=letter.standing,
        gone=letter.gone,
        found={alarm.key: _found(workspace, alarm) for alarm in letter.standing},
        good_copy={
            alarm.key: _good_copy(workspace, alarm.replica)
            for alarm in letter.standing
            if alarm.concerns[0].code in _DAMAGE
        },
        good_on={
            alarm.key: _mended_from(workspace, alarm.replica)
            for alarm in letter.standing
            if alarm.concerns[0].code in _DAMAGE
        },
        head=Head(number=number, hash=hash_, at=workspace.catalog.newest_at()),
        repeat=workspace.settings.alerts.repeat,
    )
    return Message(title=letters.title(view), body=letters.body(view))


def compose_test(workspace: Workspace, now: datetime) -> Message:
    """The letter of `preserve alert --test`."""
    title, body = letters.trial(socket.gethostname(), shown_settings(workspace), now)
    return Message(title=title, body=body)


def shown_settings(workspace: Workspace) -> str:
    return os.fspath(workspace.settings.path)


def _good_copy(workspace: Workspace, replica: str) -> Mapping[str, int]:
    """The packages with damage there, by their verdict across all copies."""
    return Counter(package.verdict.value for package in _damaged(workspace, replica))


def _mended_from(workspace: Workspace, replica: str) -> tuple[str, ...]:
    """The replicas on which every file is good of the packages that can be mended."""
    damaged = _damaged(workspace, replica)
    return good_on(workspace, {package.id for package in damaged if package.verdict is Verdict.DEGRADED}, replica)


def _damaged(workspace: Workspace, replica: str) -> list[PackageRow]:
    damaged = {copy.package_id for copy in workspace.catalog.copies() if copy.damage and replica in ("", copy.replica)}
    return [package for package in workspace.catalog.packages() if package.id in damaged]


def _found(workspace: Workspace, alarm: Alarm) -> tuple[Found, ...]:
    code = alarm.concerns[0].code
    if code is ConcernCode.LOST:
        return tuple(islice(_lost(workspace, alarm.replica), MOST_NAMES))
    if code not in _DAMAGE and code is not ConcernCode.UNDETERMINED:
        return ()
    outcome = Outcome.FAIL if code in _DAMAGE else Outcome.INCONCLUSIVE
    return tuple(
        Found(package=row.package, replica=row.replica, path=row.finding.path, code=row.code.value)
        for row in workspace.catalog.newest_findings(outcome, alarm.replica or None, MOST_NAMES)
    )


def _lost(workspace: Workspace, replica: str) -> Iterator[Found]:
    """Files that no copy can make whole: by the verdict across copies, which no single finding has."""
    for package in workspace.catalog.packages():
        if package.verdict is not Verdict.LOST:
            continue
        for file in workspace.catalog.file_verdicts(package.id):
            if file.verdict is Verdict.LOST and (not replica or replica in file.codes):
                where = replica or ", ".join(file.codes)
                yield Found(package=package.identifier, replica=where, path=file.path, code=Verdict.LOST.value)
