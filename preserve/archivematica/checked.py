"""What came of checking one AIP, and what may be concluded from what the service and the command said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from checks.evidence import Evidence, Outcome
from checks.findings import Severity
from preserve.archivematica.answers import Failure, Said, said
from preserve.archivematica.asking import Answer, UnansweredError
from preserve.archivematica.command import Run
from preserve.bag.finding import Finding
from preserve.errors import UndeterminedError

_CODES = {"changed": "digest-mismatch", "missing": "missing", "untracked": "untracked"}
_KINDS = {"changed": "is not as its manifest says", "missing": "is missing", "untracked": "stands in no manifest"}
INVALID, UNANSWERED, CONTRADICTED, SIZE, DIGEST, UNOPENED = (
    "service-says-invalid",
    "service-not-determined",
    "command-contradicts-service",
    "aip-size-mismatch",
    "aip-digest-mismatch",
    "aip-not-opened",
)


_OLDEST = timedelta(days=1)
_CLOCKS_DIFFER, _ZONES_DIFFER = timedelta(minutes=5), timedelta(hours=14)  # without a zone it may be any zone's
_CHECK_NOW = "Have the service read the AIP itself (--force-local), or check it with --by download."


class How(StrEnum):
    """By what an AIP was checked."""

    FIXITY = "fixity"  # the command, its word held against what the service answered it
    SERVICE = "service"  # the service, asked by us
    DOWNLOAD = "download"  # its bytes, read here


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding about an AIP as a whole or a file in it."""

    code: str
    severity: Severity
    message: str
    path: bytes | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One AIP. `evidence` None: nothing is known. `sentence` says in words how far it is known.

    `told` are findings of the service and of the AIP as a whole, `found` those of the bag that was read here.
    """

    uuid: UUID
    how: How
    outcome: Outcome
    sentence: str
    evidence: Evidence | None = None
    told: Sequence[Told] = ()
    found: Sequence[Finding] = ()
    notes: Sequence[str] = ()


def unanswered(uuid: UUID, how: How, error: UndeterminedError | str, notes: Sequence[str] = ()) -> Checked:
    """Nothing came of it."""
    why = error if isinstance(error, str) else error.message
    more = [error.remedy] if not isinstance(error, str) and error.remedy else []
    return Checked(
        uuid=uuid,
        how=how,
        outcome=Outcome.INCONCLUSIVE,
        sentence=f"not determined: {why}",
        told=[Told(code=UNANSWERED, severity=Severity.ERROR, message=f"not determined: {why}")],
        notes=[*more, *notes],
    )


def by_word(uuid: UUID, how: How, word: Said, notes: Sequence[str] = (), now: datetime | None = None) -> Checked:
    """What the service says, as no more than that; `now` is when it was asked."""
    if word.timestamp:
        notes = [f"the service goes by a check of {word.timestamp}, and did not read the AIP now", *notes]
    if word.damaged:
        return _damaged(uuid, how, word, notes)
    if word.success is None:
        return unanswered(uuid, how, f"the service could not say ({word.message or 'it does not tell why'})", notes)
    if why := _not_of_today(word.timestamp, now or datetime.now(UTC)):
        return unanswered(uuid, how, UndeterminedError(why, remedy=_CHECK_NOW), notes)
    if word.message:
        notes = [f"the service adds: {word.message}", *notes]
    return Checked(
        uuid=uuid,
        how=how,
        outcome=Outcome.PASS,
        sentence="the Storage Service says that it is good; no byte was read here",
        evidence=Evidence.CLAIMED,
        notes=notes,
    )


def _not_of_today(timestamp: str, now: datetime) -> str:
    """Why a check of that date is none of today; empty if it is one, or the service names no other than its own."""
    if not timestamp:
        return ""
    told = f"the service says that it is good, and goes by a check of {timestamp}"
    try:
        at = datetime.fromisoformat(timestamp)
        ahead = _CLOCKS_DIFFER if at.tzinfo is not None else _ZONES_DIFFER
        age = now - (at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return f"{told}, which is no date"
    if age < -ahead:
        return f"{told}, which lies in the future"
    return f"{told}, which is older than a day" if age > _OLDEST else ""


def _damaged(uuid: UUID, how: How, word: Said, notes: Sequence[str]) -> Checked:
    files = [
        Told(
            code=_CODES[failure.kind],
            severity=Severity.ERROR,
            message=f"{_KINDS[failure.kind]}, the Storage Service says"
            + (f": {failure.message}" * bool(failure.message)),
            path=failure.path,
            failure=failure,
        )
        for failure in word.failures
    ]
    why = word.message or "it does not tell why"
    if not files:
        files = [
            Told(code=INVALID, severity=Severity.ERROR, message=f"the Storage Service says that it is damaged: {why}")
        ]
    if word.success is not False:
        notes = [
            *notes,
            "the service contradicts itself: it names damaged files, and does not say that the check failed",
        ]
    return Checked(
        uuid=uuid,
        how=how,
        outcome=Outcome.FAIL,
        sentence=f"the Storage Service says that it is damaged ({why}); no byte was read here",
        evidence=Evidence.CLAIMED,
        told=files,
        notes=notes,
    )


def by_command(
    uuid: UUID, run: Run, answers: Sequence[Answer | UnansweredError], troubles: Sequence[UnansweredError] = ()
) -> Checked:
    """The command's word, held against every answer to a check that it got; `troubles` it had before that.

    Good is only what both call good; damaged is what the service calls so, whatever the command made of it.
    """
    told = _told(run)
    words: list[Said] = []
    silent: list[UnansweredError] = []
    for answer in answers:
        try:
            if isinstance(answer, UnansweredError):
                raise answer
            words.append(said(answer, uuid))
        except UnansweredError as error:
            silent.append(error)
    for word in words:
        if word.damaged:
            return by_word(uuid, How.FIXITY, word, [told])
    if silent:
        return unanswered(uuid, How.FIXITY, silent[0], [told])
    if not words:
        why = troubles[0] if troubles else "the command had the Storage Service check nothing"
        return unanswered(uuid, How.FIXITY, why, [told])
    now = datetime.now(UTC)
    unsure = next((word for word in words if word.success is None or _not_of_today(word.timestamp, now)), None)
    if unsure is not None:
        return by_word(uuid, How.FIXITY, unsure, [told])
    if run.status != 0 or not _calls_good(run, uuid):
        return Checked(
            uuid=uuid,
            how=How.FIXITY,
            outcome=Outcome.INCONCLUSIVE,
            sentence="not determined: the service said that it is good, and the command does not say so",
            told=[Told(code=CONTRADICTED, severity=Severity.ERROR, message=told)],
        )
    return by_word(uuid, How.FIXITY, words[-1])


def _calls_good(run: Run, uuid: UUID) -> bool:
    """Its one sentence for that, about this AIP and no other."""
    return (
        any(line.rstrip().endswith(f"succeeded for AIP: {uuid}") for line in run.output.splitlines())
        and "failed" not in run.output
    )


def _told(run: Run) -> str:
    ended = run.why or f"it ended with status {run.status}"
    return f"the command `fixity`: {ended}; it said: {run.output[-500:] or 'nothing'}"
