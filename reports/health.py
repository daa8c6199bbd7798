"""What is not as it should be, a line each with what to do; and where all is well, how that is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from checks.concerns import Concern
from checks.evidence import Outcome
from checks.findings import Severity
from checks.health import outcome_of as outcome_of_concerns
from checks.situation import ReplicaState, Situation
from reports.words import OUTCOMES, ago, count, headline, iso, length, visible, within

NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN = 0, 1, 2, 3
_NO_RUN = "no run by the schedule (`preserve serve` or `audit --due`) was begun yet"
_NAGIOS = {NAGIOS_OK: "OK", NAGIOS_WARNING: "WARNING", NAGIOS_CRITICAL: "CRITICAL", NAGIOS_UNKNOWN: "UNKNOWN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthView:
    """`journal_head`: the number of the journal's last link."""

    situation: Situation
    concerns: tuple[Concern, ...]
    journal_head: int = 0

    @property
    def generated_at(self) -> datetime:
        return self.situation.now

    @property
    def ever_run(self) -> bool:
        """Whether what is due was ever read by the schedule."""
        return any(replica.last_run_at is not None for replica in self.situation.replicas if replica.copies)

    @property
    def outcome(self) -> Outcome:
        """Before the first run nobody knows whether there will be one: that is not green, though no concern yet."""
        found = outcome_of_concerns(self.concerns)
        return Outcome.INCONCLUSIVE if found is Outcome.PASS and not self.ever_run else found


def as_json(view: HealthView) -> dict[str, object]:
    situation, beat = view.situation, view.situation.heartbeat
    told = [concern_json(concern) for concern in view.concerns]
    return {
        "outcome": view.outcome.value,
        "generated_at": iso(view.generated_at),
        "how_it_is_known": how_it_is_known(view),
        "findings": [],
        "counts": {
            "concerns": len(told),
            **{f"{severity.value}s": _number(view, severity) for severity in (Severity.ERROR, Severity.WARNING)},
            "packages": situation.packages,
            "copies": situation.copies,
        },
        "concerns": told,
        "serve": None if beat is None else {"last_heard_of_at": iso(beat.at), "next_run_at": iso(beat.next_run_at)},
        "replicas": [
            {
                "name": replica.name,
                "available": replica.there,
                "offline": replica.offline,
                "last_run_at": iso(replica.last_run_at),
                "run_due_at": iso(replica.run_due_at),
                "oldest_read_at": iso(replica.oldest_read_at),
                "found_at": replica.found_at,
                "bring_by": iso(replica.bringing.by) if _is_carried(replica) and replica.bringing else None,
                "overdue_shards": replica.overdue_shards,
                "max_age_seconds": None if replica.max_age is None else round(replica.max_age.total_seconds()),
                "first_broken_at": iso(None if replica.outlook is None else replica.outlook.breaks_at),
            }
            for replica in situation.replicas
        ],
        "journal_head": view.journal_head,
    }


def concern_json(concern: Concern) -> dict[str, object]:
    return {
        "key": concern.key,
        "code": concern.code.value,
        "severity": concern.meaning.severity.value,
        "replica": concern.replica or None,
        "message": concern.message,
        "remedy": concern.remedy,
    }


def as_text(view: HealthView) -> Iterator[RenderableType]:
    """A line for each concern and one for its remedy; at the end, or where there is none, how it is known."""
    for concern in view.concerns:
        yield from concern_text(concern)
    for replica in filter(_is_carried, view.situation.replicas):
        if replica.bringing is not None and replica.bringing.deadline > view.generated_at:
            told = f"{replica.name} is away, as it may be: plug in {replica.name} by {replica.bringing.day}."
            yield Text(visible(told), "dim")
    if view.outcome is Outcome.PASS:
        yield headline(Outcome.PASS, f"All is well: {how_it_is_known(view)}")
    elif outcome_of_concerns(view.concerns) is Outcome.PASS:
        yield headline(Outcome.INCONCLUSIVE, f"Not known yet: {how_it_is_known(view)}")
        yield Text("  Start `preserve serve`, or run `preserve audit --due` from cron; see docs/watching.md.", "dim")
    else:
        yield Text(how_it_is_known(view), "dim")


def _is_carried(replica: ReplicaState) -> bool:
    """Whether it is away, and may be."""
    return replica.offline and replica.there is False


def concern_text(concern: Concern) -> Iterator[Text]:
    mark, style = OUTCOMES[concern.meaning.outcome]
    if concern.meaning.severity is Severity.WARNING:
        yield Text.assemble(("! ", "yellow"), (visible(concern.message), "yellow"), (f" ({concern.key})", "dim"))
    else:
        yield Text.assemble((f"{mark} {visible(concern.message)}", style), (f" ({concern.key})", "dim"))
    yield Text(f"  {visible(concern.remedy)}", "dim")


def how_it_is_known(view: HealthView) -> str:
    """The last run, the oldest reading, the promise: a green without them would be a claim."""
    situation = view.situation
    kept = [replica for replica in situation.replicas if replica.copies]
    if not kept:
        return "There is no copy, so nothing is known."
    runs = [replica.last_run_at for replica in kept if replica.last_run_at is not None]
    last = f"the last run began {ago(max(runs), situation.now)}" if runs else _NO_RUN
    oldest = [replica.oldest_read_at for replica in kept]
    known = [at for at in oldest if at is not None]
    if len(known) < len(oldest):
        reading = "some shards were never read"
    else:
        copies = count(situation.copies, "copy", "copies")
        span = _within(min(known), situation.now)
        if any(replica.unsettled_shards for replica in kept):
            reading = f"not every byte of {copies} could be read, or judged"
        elif any(replica.damaged_files or replica.changed_files for replica in kept):
            reading = f"what there is of {copies} was read {span}"
        else:
            reading = f"every byte of {copies} was read {span}"
    doubted = sum(replica.disbelieved_shards for replica in kept)
    if doubted:
        reading += f", {count(doubted, 'shard')} of them by an auditor that is not believed"
    promises = sorted({replica.max_age for replica in kept if replica.max_age is not None})
    promised = " to ".join(dict.fromkeys(length(span) for span in promises[:1] + promises[-1:]))
    return f"{last}; {reading}; {promised} are promised."


def _within(oldest: datetime, now: datetime) -> str:
    if oldest > now:
        return "at times that lie in the future"
    return f"in the last {within(now - oldest)}"


def nagios(view: HealthView) -> tuple[str, int]:
    """Lines for Nagios, Icinga, Checkmk and the like, and their exit status.

    An error is CRITICAL, a warning WARNING. A `|` in them would begin the figures.
    """
    errors = _number(view, Severity.ERROR)
    told = [_one_line(visible(concern.message)) for concern in view.concerns]
    summary = "; ".join(told[:3]) + (f"; and {len(told) - 3} more" if len(told) > 3 else "")
    if view.situation.copies == 0:
        status = NAGIOS_UNKNOWN
    elif not view.ever_run and outcome_of_concerns(view.concerns) is Outcome.PASS:
        status, summary = NAGIOS_UNKNOWN, ""
    elif errors or view.outcome is not Outcome.PASS:
        status = NAGIOS_CRITICAL
    else:
        status = NAGIOS_WARNING if view.concerns else NAGIOS_OK
    figures = f"concerns={len(told)};;;0 errors={errors};;;0 overdue_shards={_overdue(view)};;;0"
    first = f"PRESERVE {_NAGIOS[status]} - {summary or _one_line(how_it_is_known(view))} | {figures}"
    lines = [f"{one}: {_one_line(visible(each.remedy))}" for one, each in zip(told, view.concerns, strict=True)]
    return "\n".join([first, *lines]), status


def nagios_unknown(why: str) -> tuple[str, int]:
    """Where nothing could be asked: their UNKNOWN, which is never green."""
    return f"PRESERVE {_NAGIOS[NAGIOS_UNKNOWN]} - {_one_line(visible(why))}", NAGIOS_UNKNOWN


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def _number(view: HealthView, severity: Severity) -> int:
    return sum(concern.meaning.severity is severity for concern in view.concerns)


def _overdue(view: HealthView) -> int:
    return sum(replica.overdue_shards for replica in view.situation.replicas)
