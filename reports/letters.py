"""Letters to people: what is wrong, whether there is a good copy, what to do, how it is known. Plain text.

At most about a hundred lines, however much is wrong; the most important first, for some services cut what is long.
Names come from disks: nothing in a letter can break a header, turn text around, or be taken for HTML.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from checks.alarms import Alarm
from checks.concerns import Concern, ConcernCode
from checks.verdicts import Verdict
from reports.words import count, length, moment, name, visible

MOST_NAMES = 10  # of the worst cause
_MOST_NAMES_LATER = 3
_MOST_CAUSES, _MOST_GONE = 5, 10
_MOST_TITLE, _MOST_LINE = 150, 300  # characters
_SOMEWHERE = "some copy"
_WORDS_OF_GOOD_COPIES: Mapping[str, tuple[str, str]] = {  # of one package, of several; the worst first
    Verdict.LOST.value: (
        "has files of which no good copy is known",
        "have files of which no good copy is known",
    ),
    Verdict.UNKNOWN.value: (
        "is in doubt: a copy that may be good was not read",
        "are in doubt: a copy that may be good was not read",
    ),
    Verdict.DEGRADED.value: (
        f"can be mended: every file is good on {_SOMEWHERE}",
        f"can be mended: every file is good on {_SOMEWHERE}",
    ),
    Verdict.UNDER_REPLICATED.value: (
        "is whole, on fewer copies than it should be",
        "are whole, on fewer copies than they should be",
    ),
    Verdict.INTACT.value: ("is whole on its copies", "are whole on their copies"),
}
_READ = "Every byte was read and digested again, and compared with what was recorded when the files were taken in."
_HOW_KNOWN: Mapping[ConcernCode, str] = {
    ConcernCode.LOST: _READ,
    ConcernCode.DAMAGED: _READ,
    ConcernCode.MASS_CHANGE: _READ,
    ConcernCode.RECORD_ALTERED: "The journal's chain of hashes was compared with what replicas remember of it.",
    ConcernCode.UNDETERMINED: "They were tried; there was no answer, so they count neither as good nor as damaged.",
    ConcernCode.UNDER_REPLICATED: "By the copies that the catalog has recorded after each was read back.",
    ConcernCode.UNKNOWN_ON_REPLICA: "The replica's folder was listed; nothing of it was read.",
    ConcernCode.REPLICA_AWAY: "Its folder, and the identity in it, were looked for.",
    ConcernCode.WRONG_REPLICA: "The identity in its folder is that of another replica.",
    ConcernCode.CANARY_DAMAGED: "Files with known content, made for testing only, were read like all others.",
    ConcernCode.SELF_TEST_FAILED: "Files with known content were read and judged like all others.",
    ConcernCode.HEAD_NOT_LEFT: "A line was to be added to a small file on it at the end of a run.",
    ConcernCode.METRICS_FAILED: "The service tried at its start.",
    ConcernCode.CHANNEL_FAILED: "The channel did not take the last message.",
}
_OF_FILES = (ConcernCode.LOST, ConcernCode.DAMAGED, ConcernCode.MASS_CHANGE)  # whose magnitude counts files
_BY_TIMES = "By the times that the catalog has recorded."


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file, as one of the newest findings of a cause."""

    package: str
    replica: str
    path: bytes | None
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last link of the record chain when the letter was written."""

    number: int
    hash: bytes
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterView:
    written_at: datetime
    organization: str
    settings: str  # path of the settings file
    host: str
    standing: tuple[Alarm, ...]  # the worst first
    gone: tuple[Alarm, ...]
    found: Mapping[str, tuple[Found, ...]]  # by the alarm's key; at most MOST_NAMES each
    good_copy: Mapping[str, Mapping[str, int]]  # by the alarm's key: packages by verdict across their copies
    head: Head
    repeat: timedelta
    good_on: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by the alarm's key: where all mendable is good


def title(view: LetterView) -> str:
    """One line, fit for a header: `[preserve] nas: 5,000 files of 3 packages are not as they were taken in`."""
    if view.standing:
        others = len(view.standing) - 1
        told, more = _sentence(view.standing[0].concerns[0]), f" (and {others} more)" if others else ""
    elif len(view.gone) == 1:
        told, more = f"no longer so: {view.gone[0].message}", ""
    else:
        told, more = f"{len(view.gone)} causes are gone", ""
    return _cut(_safe(f"[preserve] {told}"), _MOST_TITLE - len(more)) + more


def body(view: LetterView) -> str:
    """The letter below its title."""
    return "\n".join(_cut(_safe(line), _MOST_LINE) for line in _lines(view)) + "\n"


def trial(host: str, settings: str, at: datetime) -> tuple[str, str]:
    """Title and body of the letter that only shows whether letters arrive."""
    lines = (
        "This letter says nothing of the archive. It was sent with `preserve alert --test`, so that somebody can see",
        "whether letters arrive. They come when something is not as it should be; that none comes is no proof that",
        "all is well: let somebody look at `preserve watch` now and then, or set a ping (docs/alerts.md).",
        "",
        f"Sent {moment(at)} from {host}, settings {settings}.",
    )
    return "[preserve] test: letters arrive here", "\n".join(_cut(_safe(line), _MOST_LINE) for line in lines) + "\n"


def _lines(view: LetterView) -> Iterator[str]:
    for number, alarm in enumerate(view.standing[:_MOST_CAUSES], 1):
        most = MOST_NAMES if number == 1 else _MOST_NAMES_LATER
        yield from _cause(view, alarm, f"{number}. " if len(view.standing) > 1 else "", most)
        yield ""
    if len(view.standing) > _MOST_CAUSES:
        yield f"And {count(len(view.standing) - _MOST_CAUSES, 'more cause')}: `preserve watch` names them all."
        yield ""
    if view.gone:
        yield "NO LONGER SO"
        yield from (f"- {alarm.message}" for alarm in view.gone[:_MOST_GONE])
        if len(view.gone) > _MOST_GONE:
            yield f"- and {len(view.gone) - _MOST_GONE:,} more"
        yield ""
    yield from _ending(view)


def _cause(view: LetterView, alarm: Alarm, number: str, most_names: int) -> Iterator[str]:
    concern = alarm.concerns[0]
    for each in alarm.concerns[:3]:
        yield f"{number}{_sentence(each)}."
        number = " " * len(number)
    copies = _good_copies(
        concern.parameters.get("good_copy") or view.good_copy.get(alarm.key), view.good_on.get(alarm.key, ())
    )
    if copies:
        yield "   Is there a good copy?"
        yield from (f"     {line}" for line in copies)
    yield f"   What to do: {_with_figures(concern).remedy}"
    evidence = concern.parameters.get("evidence")
    known = _HOW_KNOWN.get(concern.code, _BY_TIMES)
    yield f"   How it is known: {known}" + (f" Evidence: {evidence}." if evidence else "")
    yield f"   Known since: {moment(alarm.first_at)}."
    if alarm.worse_at is not None and alarm.acknowledged_at is not None:
        yield f"   It is worse than when {alarm.acknowledged_by} acknowledged it ({moment(alarm.acknowledged_at)})."
    yield from _found(view.found.get(alarm.key, ())[:most_names], alarm.magnitude if concern.code in _OF_FILES else 0)
    yield f"   Once it is in good hands: preserve acknowledge {alarm.key} --note 'who does what'"


def _found(found: Sequence[Found], total: int) -> Iterator[str]:
    if not found:
        return
    yield "   The newest of the files:"
    for each in found:
        yield f"     {each.package} on {each.replica}: {name(each.path) or '(the whole copy)'}  {each.code}"
    left = total - len(found)
    if left > 0:
        yield f"     and {left:,} more"


def _good_copies(told: object, good_on: Sequence[str]) -> list[str]:
    """Packages by verdict, the worst first, and where those are good that can be mended; or a text."""
    if not isinstance(told, Mapping):
        return [str(told)] if told else []
    where = " or ".join(good_on) or _SOMEWHERE
    return [
        (f"1 package {one}" if figure == 1 else f"{figure:,} packages {many}").replace(_SOMEWHERE, where)
        for verdict, (one, many) in _WORDS_OF_GOOD_COPIES.items()
        if isinstance(figure := told.get(verdict, 0), int) and figure > 0
    ]


def _ending(view: LetterView) -> Iterator[str]:
    if view.standing:
        yield f"What is not acknowledged is told again every {length(view.repeat)}."
        yield ""
    yield f"The record: {count(view.head.number, 'link')} when this was written. The last one" + (
        "" if view.head.at is None else f", of {moment(view.head.at)},"
    )
    yield f"has the SHA-256 {view.head.hash.hex()}."
    yield "Keep this letter: should the record be changed one day, this line is a witness (docs/disaster.md)."
    yield ""
    of = f" for {view.organization}" if view.organization else ""
    yield f"Written by preserve{of} on {view.host}, {moment(view.written_at)}, settings {view.settings}."


def _sentence(concern: Concern) -> str:
    return _with_figures(concern).message


def _with_figures(concern: Concern) -> Concern:
    """5,000 and not 5000; times as they are written elsewhere."""
    shown = {key: _figure(key, value) for key, value in concern.parameters.items()}
    return replace(concern, parameters=shown)


def _figure(key: str, value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and key != "audit":
        return f"{value:,}"
    if isinstance(value, datetime):
        return moment(value)
    return name(value) if isinstance(value, bytes) else value


def _safe(text: str) -> str:
    return visible(text).replace("<", "\\x3c").replace(">", "\\x3e")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
