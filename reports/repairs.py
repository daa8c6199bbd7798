"""What repair would do, or did: each damaged path, from where it is mended, how that source is known, and the cause."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from checks.evidence import Outcome, worst
from checks.names import path_fields
from reports import findings
from reports.rows import FindingLine
from reports.words import OUTCOMES, ago, count, headline, iso, name, visible

LINES_SHOWN = 200
_COPIES_SHOWN = 20  # of a replica

_METHODS = {
    "replace": "a good file takes its place, the bad one is set aside",
    "write": "is written again",
    "rename-back": "gets its name back",
    "segments": "its bad segments are written again, the bad bytes are set aside",
    "copy-again": "the whole copy is made again",
    "set-aside": "goes into the quarantine",
}
_ENDINGS = {
    "planned": "",
    "repaired": "repaired",
    "set-aside": "set aside",
    "was-good": "was good when it was read again",
    "no-good-copy": "no good copy",
    "failed": "not repaired",
}
_LEFT = {
    "frozen": "the replica shows mass change and is frozen",
    "replica-away": "the replica is not there",
    "untracked": "never deleted; --quarantine-untracked sets it aside",
    "unread": "could not be read, so nothing is known of it; audit again, or replace the medium",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairLine:
    """One damaged path of one copy. `path` is None for a whole copy."""

    package: str
    replica: str
    version: int | None  # where it is not the current one
    path: bytes | None
    code: str
    method: str
    ending: str
    outcome: Outcome
    source: str = ""  # where its good bytes are had, in words
    source_read_at: datetime | None = None  # when an audit last read that
    source_evidence: str = ""  # by which it was read now, while it was taken from there
    cause: str = ""
    cause_words: str = ""
    entry: str = ""  # in the replica's quarantine
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftLine:
    """A finding about which nothing is done, and why."""

    finding: FindingLine
    why: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class UnclearLine:
    """A copy with parts (shards) that were never read, or of which the last reading told nothing that counts."""

    package: str
    replica: str
    version: int | None  # where it is not the current one
    parts: int
    parts_in_all: int
    there: bool  # whether its replica is there now


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenLine:
    replica: str
    package: str
    changed: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairView:
    generated_at: datetime
    applied: bool
    lines: Sequence[RepairLine]
    left: Sequence[LeftLine] = ()
    frozen: Sequence[FrozenLine] = ()
    settled: Sequence[tuple[str, str]] = ()  # (replica, what was done about an interrupted repair)
    unclear: Sequence[UnclearLine] = ()


def outcome_of(view: RepairView) -> Outcome:
    """FAIL while there is damage; nothing to be done and nothing in doubt is PASS."""
    outcomes = [line.outcome for line in view.lines] + [left.outcome for left in view.left]
    outcomes += [Outcome.INCONCLUSIVE] * bool(view.unclear)
    return worst(outcomes) if outcomes else Outcome.PASS


def as_json(view: RepairView) -> dict[str, object]:
    return {
        "outcome": outcome_of(view).value,
        "applied": view.applied,
        "generated_at": iso(view.generated_at),
        "steps": [_step(line, view) for line in view.lines],
        "left": [{"why": left.why, **findings.as_json(left.finding)} for left in view.left],
        "frozen": [
            {"replica": one.replica, "package": one.package, "changed": one.changed, "files": one.files}
            for one in view.frozen
        ],
        "settled": [{"replica": replica, "what": what} for replica, what in view.settled],
        "unclear": [
            {
                "package": line.package,
                "replica": line.replica,
                "older_version": line.version,
                "parts": line.parts,
                "parts_in_all": line.parts_in_all,
                "available": line.there,
            }
            for line in view.unclear
        ],
        "findings": [_finding(line) for line in view.lines if line.outcome is not Outcome.PASS]
        + [findings.as_json(left.finding) for left in view.left],
        "counts": {
            **_counts(view),
            "left": len(view.left),
            "unclear_parts": sum(line.parts for line in view.unclear),
        },
    }


def _counts(view: RepairView) -> dict[str, int]:
    endings = Counter(line.ending for line in view.lines)
    return {ending: endings.get(ending, 0) for ending in _ENDINGS}


def _step(line: RepairLine, view: RepairView) -> dict[str, object]:
    return {
        "package": line.package,
        "replica": line.replica,
        "older_version": line.version,
        **path_fields(line.path),
        "code": line.code,
        "method": line.method,
        "ending": line.ending,
        "source": line.source or None,
        "source_read_at": iso(line.source_read_at),
        "source_evidence": line.source_evidence or None,
        "cause": line.cause or None,
        "cause_words": line.cause_words or None,
        "quarantine": line.entry or None,
        "problem": line.problem or None,
        "remedy": line.remedy or None,
    }


def _finding(line: RepairLine) -> dict[str, object]:
    return {
        "code": line.code,
        "severity": "error",
        "package": line.package,
        "replica": line.replica,
        **path_fields(line.path),
        "message": line.problem or _METHODS.get(line.method, line.method),
    }


def as_text(view: RepairView) -> RenderableType:
    parts: list[RenderableType] = [headline(outcome_of(view), _sentence(view))]
    parts += [Text(f"an interrupted repair at {visible(at)}: {visible(what)}", "dim") for at, what in view.settled]
    parts += [_frozen(one) for one in view.frozen]
    parts += [_line(line, view.generated_at) for line in view.lines[:LINES_SHOWN]]
    hidden = len(view.lines) - LINES_SHOWN
    if hidden > 0:
        parts.append(Text(f"… and {count(hidden, 'more file')}; --json lists all", "dim"))
    for why in dict.fromkeys(left.why for left in view.left):
        some = [left.finding for left in view.left if left.why == why]
        parts.append(Text(f"\n{count(len(some), 'finding')} left: {_LEFT.get(why, why)}", "bold"))
        parts += list(findings.as_text(some, most=20, more="; --json lists all"))[1:]
    parts += _unclear(view.unclear)
    if not view.applied and any(line.ending == "planned" for line in view.lines):
        parts.append(Text("\nNothing was changed. To carry this out: the same command with --apply", "bold"))
    return Group(*parts)


def _sentence(view: RepairView) -> str:
    counts = _counts(view)
    unclear = count(sum(line.parts for line in view.unclear), "part")
    if not view.lines and not view.left:
        told_of = f"; but of {unclear} it is not known" if view.unclear else ""
        return f"Nothing is known that would need repair{told_of}."
    told = []
    for ending, words in (
        ("planned", "can be repaired"),
        ("repaired", "repaired"),
        ("set-aside", "set aside"),
        ("was-good", "good when read again"),
        ("no-good-copy", "without any good copy"),
        ("failed", "not repaired"),
    ):
        if counts[ending]:
            told.append(f"{counts[ending]:,} {words}")
    if view.left:
        told.append(f"{len(view.left):,} left as they are")
    if view.unclear:
        told.append(f"of {unclear} it is not known")
    return ", ".join(told) + "."


def _unclear(lines: Sequence[UnclearLine]) -> Iterator[RenderableType]:
    """By replica, with what to do next."""
    for replica in dict.fromkeys(line.replica for line in lines):
        here = [line for line in lines if line.replica == replica]
        of_copies = ", ".join(
            f"{visible(line.package)}{f' (version {line.version})' if line.version is not None else ''} "
            f"{line.parts:,} of {line.parts_in_all:,}"
            for line in here[:_COPIES_SHOWN]
        )
        more = f" and of {count(len(here) - _COPIES_SHOWN, 'more copy', 'more copies')}" * (len(here) > _COPIES_SHOWN)
        text = Text.assemble(("? ", "yellow"), (visible(replica), "bold"))
        text.append(f": parts that were never read, or whose last reading gave no answer: {of_copies}{more}.")
        first = "Next" if here[0].there else "It is not there. When it is"
        text.append(f"\n    {first}: preserve audit --replica {visible(replica)}, then this again", "dim")
        yield text


def _frozen(one: FrozenLine) -> Padding:
    text = Text.assemble(
        (f"! {visible(one.replica)} is frozen", "bold red"),
        f": {one.changed:,} of {count(one.files, 'file')} of {visible(one.package)} are not as they were taken in. ",
        "Reading goes on; nothing is written there.",
    )
    text.append(
        "\n  Find out what happened (ransomware? a wrong mount? a wiped disk?). If writing there is right, say so: "
    )
    text.append(f"--confirm-change {visible(one.replica)}", "bold")
    return Padding(text, (0, 0, 1, 0), expand=False)


def _line(line: RepairLine, now: datetime) -> Padding:
    mark, style = OUTCOMES[line.outcome]
    text = Text.assemble((f"{mark} ", style), (visible(line.package), "cyan"))
    text.append(f" (version {line.version})" if line.version is not None else "", "cyan")
    text.append(f"  {name(line.path) or 'the whole copy'}", "bold").append(f"  at {visible(line.replica)}")
    text.append(f"\n    {line.code}", "red")
    text.append(f": {visible(line.cause_words)}" if line.cause_words else "")
    done = _ENDINGS.get(line.ending, line.ending)
    if line.ending in ("planned", "repaired"):
        text.append(f"\n    → {done}{': ' if done else ''}{_METHODS.get(line.method, line.method)}{_from(line, now)}")
    else:
        text.append(f"\n    → {done}" + (f": {visible(line.problem)}" if line.problem else ""))
        text.append(f"\n      {visible(line.remedy)}" if line.remedy else "", "dim")
    if line.entry:
        text.append(f"\n    .preserve/quarantine/{visible(line.entry)}/", "dim")
    return Padding(text, (0, 0, 0, 0), expand=False)


def _from(line: RepairLine, now: datetime) -> str:
    if not line.source:
        return ""
    read = f"read now by {line.source_evidence} and good" if line.source_evidence else ""
    audited = f"last audited {ago(line.source_read_at, now)}, and good" if line.source_read_at else ""
    return f", from {visible(line.source)} ({', '.join(filter(None, (read, audited)))})"
