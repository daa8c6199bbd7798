"""One audit: what it set out to do, how far it came, what it saw, and how to go on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from checks.evidence import Outcome
from reports import findings
from reports.layout import table
from reports.rows import AuditView, LeftLine
from reports.words import OUTCOMES, count, headline, iso, length, moment, size, visible

_BY_LIMITS = {
    "hours": "its hours were over",
    "budget-time": "its time was over",
    "other-run": "what was left was being read by another run",
}
_WHY = {
    "replica-unavailable": "a replica went away",
    "stopped": "it was asked to",
    "died": "its process died",
    "self-test": "the auditor's own test failed; nothing of it counts",
}

_FILES = ("file or segment", "files and segments")


def outcome_of(view: AuditView) -> Outcome:
    """PASS only if all that was planned was done and passed; nothing planned passes only for what is due.

    A run for what is due that came to the limits set for it was done as it was asked for; whether the promise holds is
    for `status` to say. But where it left, from the first, what is past its promise, nobody can take it for good.
    """
    seen = findings.outcome_of(view.findings)
    if view.failed or view.files_bad or seen is Outcome.FAIL:
        return Outcome.FAIL
    planned = view.done if _by_limits(view) else view.planned
    ended = view.state == "ended" or _by_limits(view)
    complete = ended and view.passed == view.done == planned and not view.files_unread and not view.away
    empty = view.planned == 0 and not view.due_only
    if (
        not complete
        or empty
        or view.waiting
        or view.left_past_promise
        or view.untested
        or view.inconclusive
        or seen is Outcome.INCONCLUSIVE
    ):
        return Outcome.INCONCLUSIVE
    return Outcome.PASS


def _by_limits(view: AuditView) -> bool:
    return view.due_only and view.state == "stopped" and view.reason in _BY_LIMITS


def as_json(view: AuditView) -> dict[str, object]:
    return {
        "outcome": outcome_of(view).value,
        "evidence": view.required,
        "summary": _sentence(view),
        "audit": summary_json(view),
        "counts": {
            "checks_planned": view.planned,
            "checks_done": view.done,
            "passed": view.passed,
            "failed": view.failed,
            "inconclusive": view.inconclusive,
            "files_good": view.files_good,
            "files_bad": view.files_bad,
            "files_unread": view.files_unread,
            "bytes_read": view.bytes_read,
            "shards_waiting": view.waiting,
            "shards_left": sum(line.shards for line in view.left),
            "shards_left_past_promise": view.left_past_promise,
            **findings.counts_of(view.findings, view.total_findings),
        },
        "replicas": [
            {
                "name": each.name,
                "planned": each.planned,
                "done": each.done,
                "passed": each.passed,
                "failed": each.failed,
                "inconclusive": each.inconclusive,
                "bytes_read": each.bytes_read,
                "why_not": each.why_not,
            }
            for each in view.by_replica
        ],
        "findings": [findings.as_json(line) for line in view.findings],
    }


def summary_json(view: AuditView) -> dict[str, object]:
    """The audit itself, without its counts and findings."""
    return {
        "id": view.id,
        "outcome": outcome_of(view).value,
        "scope": view.scope,
        "state": view.state,
        "reason": view.reason,
        "away": dict(view.away),
        "carried": dict(view.carried),
        "untested": dict(view.untested),
        "left": [
            {"replica": line.replica, "shards": line.shards, "why": line.why, "opens_at": iso(line.opens_at)}
            for line in view.left
        ],
        "opened_at": iso(view.opened_at),
        "ended_at": iso(view.ended_at),
        "required_evidence": view.required,
        "resume": _resume(view),
    }


def in_one_line(view: AuditView) -> str:
    """`no. 3, 2026-11-02 02:00 UTC, pass`."""
    stopped = "" if view.state == "ended" else f", {view.state} after {view.done:,} of {view.planned:,} checks"
    claimed = ", claimed only: nothing was read" if _is_claimed(view) else ""
    return f"no. {view.id}, {moment(view.opened_at)}, {outcome_of(view).value}{stopped}{claimed}"


def as_text(view: AuditView) -> RenderableType:
    parts: list[RenderableType] = [headline(outcome_of(view), _sentence(view)), Text(_particulars(view), "dim")]
    resume = _resume(view)
    if resume is not None:
        parts.append(Text.assemble("Go on with ", (resume, "bold")))
    parts.append(_numbers(view))
    if view.by_replica:
        parts.append(_by_replica(view))
    parts += findings.as_text(
        view.findings, view.total_findings, most=20 if _is_claimed(view) else 50, more="; see `preserve report drift`"
    )
    return Group(*parts)


def _is_claimed(view: AuditView) -> bool:
    """Whether providers were asked for their checksums, and nothing was read."""
    return view.required == "claimed"


def _claimed(view: AuditView) -> str:
    """As much as such an audit proves, in words that nobody takes for more."""
    told = f"{_name(view)} did not read: it asked the storage providers for their checksums. "
    done = f"{view.done:,} of {count(view.planned, 'shard')}"
    if view.state != "ended":
        told += f"It {'is running' if view.state == 'running' else 'stopped before its end'}: {done} done. "
    if view.failed or view.files_bad:
        told += f"By these, {_files(view, view.files_bad)} bad. "
    if view.files_unread:
        told += f"Of {_files(view, view.files_unread)} no checksum could be had. "
    good = _files(view, view.files_good, verb=("is", "are"))
    return told + f"{good} as taken in, if the providers are right; only reading proves it."


def _sentence(view: AuditView) -> str:
    told = _claimed(view) if _is_claimed(view) and view.planned and view.reason != "self-test" else _read(view)
    for words, which in (("Not there", view.away), ("Away, as it may be", view.carried)):
        told += f" {words}, and not read: {_with_why(which)}." if which else ""
    told += "".join(f" The auditor could not be tested again on {name}: {why}." for name, why in view.untested.items())
    told += "".join(f" {_left_out(line)}" for line in view.left)
    if view.left_past_promise:
        were = count(view.left_past_promise, "shard was", "shards were")
        told += f" Of what is left, {were} not read for longer than is promised."
    if view.waiting:
        wait = f"{count(view.waiting, 'shard')} could not be determined a short time ago and will be tried again later"
        told += f" But {wait}: nothing is known of them until then."
    return told


def _with_why(replicas: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({why})" for name, why in replicas.items())


def _left_out(line: LeftLine) -> str:
    due = f"{count(line.shards, 'shard is', 'shards are')} due on {line.replica}"
    if line.why == "hours":
        until = "" if line.opens_at is None else f" until {line.opens_at:%Y-%m-%d %H:%M %Z}"
        return f"{due}, whose hours are shut{until}."
    return f"{due}, which is not there." if line.why == "away" else f"More than fits the budget: {due}."


def _read(view: AuditView) -> str:
    if view.reason == "self-test":
        return f"{_name(view)} cannot be believed: the auditor's own test failed. Nothing of it counts."
    if view.planned == 0:
        due = "Nothing was read." if view.left else "Nothing was due."
        return due if view.due_only else "There was nothing to read: no copy fits what was asked for."
    done = f"{view.done:,} of {count(view.planned, 'shard')}"
    if view.state == "running":
        return f"{_name(view)} is running: {done} done."
    if _by_limits(view) and not (view.failed or view.files_bad or view.inconclusive):
        good = _files(view, view.files_good, verb=("is", "are"))
        return f"{_name(view)} read until {_BY_LIMITS[view.reason]}: {done}, {good} good; the rest is for the next run."
    if view.state != "ended":
        why = f" ({_WHY[view.reason]})" if view.reason in _WHY else ""
        damage = (
            f" Damage was found: {_files(view, view.files_bad, before='bad ')}."
            if view.failed or view.files_bad
            else ""
        )
        return f"{_name(view)} stopped before its end{why}: {done} done; the rest was not read.{damage}"
    if view.files_bad or view.failed:
        return f"{_name(view)} found damage: {_files(view, view.files_bad)} bad, {view.files_good:,} good."
    if outcome_of(view) is Outcome.FAIL:
        return f"{_name(view)} found damage: see the findings."
    good = _files(view, view.files_good, verb=("is", "are"))
    if view.left_past_promise and outcome_of(replace(view, left_past_promise=0)) is Outcome.PASS:
        return f"{_name(view)} read what it could read now: {good} good."
    if outcome_of(view) is Outcome.INCONCLUSIVE:
        unread = _files(view, view.files_unread, verb=("was", "were"))
        return f"{_name(view)} could not determine everything: {unread} not read, {view.files_good:,} are good."
    return f"{_name(view)} read all that {'is there' if view.carried else 'was asked'}: {good} good."


def _files(view: AuditView, number: int, *, before: str = "", verb: tuple[str, str] = ("", "")) -> str:
    """`1 file is`; a large file counts as many times as it has segments, and is not told as so many files."""
    one, more = _FILES if view.segmented else ("file", "files")
    return count(number, f"{before}{one} {verb[0]}".rstrip(), f"{before}{more} {verb[1]}".rstrip())


def _name(view: AuditView) -> str:
    return "This reading" if view.id is None else f"Audit {view.id}"


def _particulars(view: AuditView) -> str:
    until = "" if view.ended_at is None else f", {_for(view.ended_at - view.opened_at)}"
    return (
        f"{visible(view.scope)}; begun {moment(view.opened_at)}{until}; "
        f"{size(view.bytes_read)} read; evidence asked for: {view.required}"
    )


def _for(span: timedelta) -> str:
    return "ended before that by the clock, which was set back" if span < timedelta(0) else f"for {length(span)}"


def _resume(view: AuditView) -> str | None:
    believed = view.reason != "self-test"
    resumable = (
        view.id is not None
        and view.state == "stopped"
        and view.done < view.planned
        and not _by_limits(view)
        and believed
    )
    return f"preserve audit --resume {view.id}" if resumable else None


def _numbers(view: AuditView) -> Table:
    word = "claimed good" if _is_claimed(view) else "good"
    made = table("", word, "bad", "not known", right=(word, "bad", "not known"))
    left = view.planned - view.done
    for words, good, bad, unknown in (
        ("shards", view.passed, view.failed, view.inconclusive + left),
        (_FILES[1] if view.segmented else "files", view.files_good, view.files_bad, view.files_unread),
    ):
        made.add_row(words, *_three(good, bad, unknown))
    return made


def _by_replica(view: AuditView) -> Table:
    good = "claimed good" if _is_claimed(view) else "good"
    made = table("replica", "done", good, "bad", "not known", "read", right=("done", good, "bad", "not known", "read"))
    for each in view.by_replica:
        label = Text(visible(each.name), "bold")
        if each.why_not:
            label.append(f"\nabsent: {visible(each.why_not)}", "yellow")
        unknown = each.inconclusive + each.planned - each.done
        done = f"{each.done:,} of {each.planned:,}"
        made.add_row(label, done, *_three(each.passed, each.failed, unknown), size(each.bytes_read))
    return made


def _three(good: int, bad: int, unknown: int) -> tuple[Text, Text, Text]:
    values = ((good, Outcome.PASS), (bad, Outcome.FAIL), (unknown, Outcome.INCONCLUSIVE))
    made = [Text(f"{number:,}", OUTCOMES[outcome][1] if number else "dim") for number, outcome in values]
    return made[0], made[1], made[2]
