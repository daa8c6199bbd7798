"""One file across its copies: which are good and how that is known, what can be repaired and from where."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.padding import Padding
from rich.text import Text

from checks.evidence import Outcome
from checks.findings import Code
from checks.names import path_fields
from checks.verdicts import CopyState, Verdict
from reports.rows import FileLine
from reports.words import ago, count, iso, listed, name, size, verdict, visible

_MARKS = {CopyState.GOOD: ("✔", "green"), CopyState.BAD: ("✖", "red"), CopyState.UNREAD: ("?", "yellow")}


def as_json(line: FileLine) -> dict[str, object]:
    return {
        "package": line.package,
        **path_fields(line.file.path),
        "size_bytes": line.size_bytes,
        "verdict": line.file.verdict.value,
        "older_version": line.file.version,
        "copies": [_copy_json(line, replica) for replica in line.file.states],
        "good_on": list(good_on(line)),
        "repair_from": list(repair_from(line)),
        "remedy": remedy(line),
        "source": line.source or None,
    }


def good_on(line: FileLine) -> tuple[str, ...]:
    """Replicas with a good copy, the latest read first: the one to repair from."""
    early = [(line.reads[each].at.timestamp() if each in line.reads else 0.0, each) for each in line.file.good_on]
    return tuple(each for _, each in sorted(early, key=lambda pair: -pair[0]))


def repair_from(line: FileLine) -> tuple[str, ...]:
    """Replicas that hold the bytes, under this name first, then under another."""
    if not line.file.bad_on:
        return ()
    return (*good_on(line), *(each for each in line.file.elsewhere if each not in line.file.good_on))


def remedy(line: FileLine) -> str:
    """What can be done, in words; never more hopeful than what was read."""
    file = line.file
    sources = repair_from(line)
    if sources:
        told = f"can be repaired on {listed([visible(each) for each in file.bad_on])} from {_source(line, sources[0])}"
        return told + (f", or from {listed([visible(each) for each in sources[1:]])}" if sources[1:] else "")
    if file.verdict is Verdict.LOST:
        kept = (
            f"; the bag that was taken in, {visible(line.source)}, may still have it: `preserve repair` reads it there"
        )
        return "cannot be made whole: every copy was read and is bad" + (kept if line.source else "")
    if any(Code.UNTRACKED in codes for codes in file.codes.values()):
        return "nothing that was taken in is harmed; look at what this is"
    unread = listed([visible(each) for each in file.unread_on])
    if file.bad_on and unread:
        return f"no good copy is known; it may be whole on {unread}, which was not read"
    if unread:
        return f"not read on {unread}"
    if not file.states:
        return "no copy is recorded"
    return "has too few copies" if file.verdict is Verdict.UNDER_REPLICATED else ""


def _source(line: FileLine, replica: str) -> str:
    other = line.file.elsewhere.get(replica)
    lies = f", where it lies as {visible(other)}" if other is not None and replica not in line.file.good_on else ""
    return f"{visible(replica)}{lies}"


def as_text(line: FileLine, now: datetime) -> Padding:
    text = Text().append_text(verdict(line.file.verdict))  # a Text's own style would colour all that follows
    text.append("  ").append(visible(line.package), "cyan").append("  ").append(name(line.file.path), "bold")
    if line.file.version is not None:
        text.append(f"  version {line.file.version}, an older one", "dim")
    if line.size_bytes is not None:
        text.append(f"  {size(line.size_bytes)}", "dim")
    for replica, state in line.file.states.items():
        text.append("\n    ").append_text(_copy_text(line, replica, state, now))
    told = remedy(line)
    if told:
        text.append(f"\n    → {told}", "bold" if line.file.verdict is Verdict.LOST else "")
    return Padding(text, (0, 0, 1, 0), expand=False)


def _copy_text(line: FileLine, replica: str, state: CopyState, now: datetime) -> Text:
    mark, style = _MARKS[state]
    codes = ", ".join(code.value for code in line.file.codes.get(replica, ()))
    text = Text.assemble((f"{mark} {state.value:<6}", style), "  ", visible(replica))
    if codes:
        text.append(f"  {codes}", style)
    read = line.reads.get(replica)
    if read is not None:
        text.append(f"  {visible(read.evidence)}, {ago(read.at, now)}", "dim")
    elif state is CopyState.UNREAD:
        text.append("  never read", "red")
    return text


def _copy_json(line: FileLine, replica: str) -> dict[str, object]:
    read = line.reads.get(replica)
    return {
        "replica": replica,
        "state": line.file.states[replica].value,
        "codes": [code.value for code in line.file.codes.get(replica, ())],
        "read_at": None if read is None else iso(read.at),
        "evidence": None if read is None else read.evidence,
        "found_as": line.file.elsewhere.get(replica),
    }


def outcome_of(verdict_counts: Mapping[Verdict, int]) -> Outcome:
    """FAIL with a lost or damaged file; INCONCLUSIVE with an unknown one, too few copies, or no file at all."""
    present = {kind for kind, number in verdict_counts.items() if number}
    if present & {Verdict.LOST, Verdict.DEGRADED}:
        return Outcome.FAIL
    return Outcome.PASS if present == {Verdict.INTACT} else Outcome.INCONCLUSIVE


def counts_json(verdict_counts: Mapping[Verdict, int]) -> dict[str, int]:
    return {
        "files": sum(verdict_counts.values()),
        **{kind.value: verdict_counts.get(kind, 0) for kind in Verdict},
    }


def in_words(verdict_counts: Mapping[Verdict, int]) -> str:
    """`1 file lost, 2 degraded, 1,201 intact`: every kind that there is, the worst first."""
    told = [(kind, verdict_counts[kind]) for kind in reversed(Verdict) if verdict_counts.get(kind)]
    return ", ".join(
        f"{count(number, 'file')} {kind.value}" if not index else f"{number:,} {kind.value}"
        for index, (kind, number) in enumerate(told)
    )


def sorted_lines(lines: Sequence[FileLine]) -> list[FileLine]:
    """The worst first, then by package and name."""
    order = {kind: rank for rank, kind in enumerate(reversed(Verdict))}
    return sorted(lines, key=lambda line: (order[line.file.verdict], line.package, line.file.path))
