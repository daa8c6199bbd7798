"""From what is known of an archive to what is not as it should be with the care for it. Pure: no clock, no catalog.

Nothing here is silent because something is not known: what is not known is a concern, or no reason for one is.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from checks.concerns import Concern, ConcernCode
from checks.evidence import Outcome
from checks.situation import Beat, LastRun, ReplicaState, Situation

SKEW = timedelta(minutes=5)  # by which clocks of machines that share a catalog may differ
BACKUP_AGE = timedelta(days=7)
ASKED_AGE = timedelta(days=2)  # for which what was asked for may wait
_LEAST_SILENCE = timedelta(minutes=5)
_BEATS_MISSED = 10
_MOST_NAMED = 3  # packages, in one sentence
_REASONS = {
    "replica-unavailable": "a replica was gone",
    "stopped": "it was told to stop",
    "died": "its process ended",
    "": "nobody knows why",
}
_SEVERITIES = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1, Outcome.PASS: 2}


def concerns(situation: Situation) -> list[Concern]:
    """All there is to be concerned about, the worst first."""
    found = [*_of_the_archive(situation), *_of_the_auditor(situation)]
    for replica in situation.replicas:
        found += [*_of_the_replica(replica), *_of_its_copies(replica), *_of_its_promise(situation, replica)]
    if situation.unknown_packages and not any(one.code is ConcernCode.UNDETERMINED for one in found):
        found.append(_undetermined("", situation.unknown_packages, situation.unknown_packages))
    if situation.degraded_packages and not any(one.code is ConcernCode.DAMAGED for one in found):
        packages = situation.degraded_packages
        found.append(
            Concern(
                code=ConcernCode.DAMAGED, magnitude=packages, parameters={"files": "some", "packages": f"{packages:,}"}
            )
        )
    return sorted(found, key=_rank)


def outcome_of(found: Iterable[Concern]) -> Outcome:
    """PASS only where nothing but warnings was found."""
    return min((one.meaning.outcome for one in found), key=_SEVERITIES.__getitem__, default=Outcome.PASS)


def _rank(concern: Concern) -> tuple[int, bool, int, str]:
    meaning = concern.meaning
    return _SEVERITIES[meaning.outcome], not meaning.urgent, list(ConcernCode).index(concern.code), concern.replica


def _of_the_archive(situation: Situation) -> Iterator[Concern]:
    if situation.copies == 0:
        yield Concern(code=ConcernCode.NOTHING_KEPT)
    if situation.lost_packages:
        files = situation.lost_files
        told = {"files": f"{files:,}" if files else "some", "packages": f"{situation.lost_packages:,}"}
        yield Concern(code=ConcernCode.LOST, magnitude=max(files, situation.lost_packages), parameters=told)
    if situation.altered:
        yield Concern(code=ConcernCode.RECORD_ALTERED, parameters={"why": situation.altered})
    if situation.few_packages:
        short = situation.most_wanted > len(situation.replicas)
        told = {
            "packages": f"{situation.few_packages:,}",
            "minimum": situation.minimum or "?",
            "would": f"{situation.most_wanted} copies are asked for, on {len(situation.replicas)} replicas: add "
            "another replica, or lower minimum_copies. Then run `preserve replicate`."
            if short
            else "Run `preserve replicate`.",
        }
        yield Concern(code=ConcernCode.UNDER_REPLICATED, magnitude=situation.few_packages, parameters=told)
    late = situation.backed_up_at is None or situation.now - situation.backed_up_at > BACKUP_AGE
    if situation.backup_wanted and situation.copies and late:
        at = situation.backed_up_at
        when = "never backed up to a replica" if at is None else f"last backed up {(situation.now - at).days} days ago"
        yield Concern(code=ConcernCode.BACKUP_LATE, parameters={"when": when})


def _of_the_auditor(situation: Situation) -> Iterator[Concern]:
    yield from _clock(situation)
    beat = situation.heartbeat
    if beat is not None and silent(beat, situation.now):
        yield Concern(code=ConcernCode.SILENT, parameters={"at": _moment(beat.at)})
    run = situation.last_run
    if run is not None and run.went_wrong:
        told = {"audit": run.audit, "how": _how_it_stopped(run), "would": _what_then(run)}
        yield Concern(code=ConcernCode.RUN_STOPPED, magnitude=run.planned - run.done, parameters=told)
    failing = [channel for channel in situation.channels if channel.fails]
    if failing:
        since = [channel.failed_at for channel in failing if channel.failed_at is not None]
        told = {
            "channel": ", ".join(channel.name for channel in failing),
            "at": _moment(min(since)),
            "why": failing[0].why or "?",
        }
        yield Concern(code=ConcernCode.CHANNEL_FAILED, magnitude=len(failing), parameters=told)
    if situation.unknown_replicas:
        told = {"tables": ", ".join(f"[replica.{name}]" for name in situation.unknown_replicas)}
        yield Concern(code=ConcernCode.UNKNOWN_REPLICA, magnitude=len(situation.unknown_replicas), parameters=told)
    if situation.unknown_collections and situation.packages:
        tables = ", ".join(f'[collection."{name}"]' for name in situation.unknown_collections)
        told = {"tables": tables, "known": ", ".join(situation.collections)}
        yield Concern(code=ConcernCode.UNKNOWN_COLLECTION, parameters=told)
    if situation.no_metrics:
        yield Concern(code=ConcernCode.METRICS_FAILED, parameters={"why": situation.no_metrics})


def _how_it_stopped(run: LastRun) -> str:
    if run.disbelieved:
        return "cannot be believed: the auditor's own test failed"
    why = _REASONS["died"] if run.dead else _REASONS.get(run.reason, run.reason)
    shards = "shard" if run.planned == 1 else "shards"
    return f"stopped before its end: {run.done:,} of {run.planned:,} {shards}, {why}"


def _what_then(run: LastRun) -> str:
    if run.disbelieved:
        return "Run `preserve audit --due` with an auditor that passes its test: it reads all of that again."
    return "It goes on by itself at the next run; if it happens again, look into the log."


def silent(beat: Beat, now: datetime) -> bool:
    """Whether a service that did not say goodbye has not been heard of for too long."""
    patience = max(_LEAST_SILENCE, _BEATS_MISSED * timedelta(seconds=beat.every_seconds))
    return not beat.stopped and now - beat.at > patience


def _clock(situation: Situation) -> Iterator[Concern]:
    """By a clock that was set back, what was read years ago looks fresh, and no run is ever late."""
    seen: list[tuple[datetime | None, str]] = [(situation.newest_at, "the last link of the journal")]
    if situation.heartbeat is not None:
        seen.append((situation.heartbeat.at, "the last sign of `preserve serve`"))
    for replica in situation.replicas:
        seen.append((replica.newest_read_at, f"a reading on {replica.name}"))
        seen.append((replica.last_run_at, f"the last run over {replica.name}"))
    ahead = [(at, what) for at, what in seen if at is not None and at - situation.now > SKEW]
    if ahead:
        at, what = max(ahead)
        told = {"now": _moment(situation.now), "at": _moment(at), "what": what}
        yield Concern(code=ConcernCode.CLOCK_WRONG, parameters=told)


def _of_the_replica(replica: ReplicaState) -> Iterator[Concern]:
    if replica.wrong:
        yield Concern(code=ConcernCode.WRONG_REPLICA, replica=replica.name, parameters={"why": replica.why_not})
    elif replica.unnamed and replica.offline:
        yield Concern(code=ConcernCode.EMPTY_PLACE, replica=replica.name, parameters={"why": replica.why_not})
    elif replica.there is False and not replica.offline:
        why = replica.why_not or "nobody knows why"
        yield Concern(code=ConcernCode.REPLICA_AWAY, replica=replica.name, parameters={"why": why})
    if replica.self_test_failed or replica.disbelieved_shards:
        yield Concern(
            code=ConcernCode.SELF_TEST_FAILED,
            replica=replica.name,
            magnitude=replica.disbelieved_shards,
            parameters={"what": _not_believed(replica)},
        )
    if replica.not_tested:
        told = {"why": replica.not_tested}
        yield Concern(code=ConcernCode.NOT_TESTED_THERE, replica=replica.name, parameters=told)
    if replica.canaries:
        yield Concern(code=ConcernCode.CANARY_DAMAGED, replica=replica.name, parameters={"why": replica.canaries})
    if replica.head_not_left:
        told = {"why": replica.head_not_left}
        yield Concern(code=ConcernCode.HEAD_NOT_LEFT, replica=replica.name, parameters=told)
    if replica.surveyed:
        numbers = {kind: each for kind, each in replica.surveyed.items() if isinstance(each, int) and each}
        named = [f"{number:,} {_kind(kind, number)}" for kind, number in numbers.items()]
        total = sum(numbers.values())
        what = f"{' and '.join(named)} {'is' if total == 1 else 'are'}"
        yield Concern(
            code=ConcernCode.UNKNOWN_ON_REPLICA,
            replica=replica.name,
            magnitude=total,
            parameters={**replica.surveyed, "what": what},
        )


def _kind(kind: str, number: int) -> str:
    return "more" if kind == "more" else kind if number > 1 else kind.removesuffix("s")


def _not_believed(replica: ReplicaState) -> str:
    """The failed test, and what it leaves to be read again: that outlasts a later test that passes, or a disk away."""
    shards, why = replica.disbelieved_shards, replica.self_test_failed
    noun, are = ("shard", "is") if shards == 1 else ("shards", "are")
    again = f"{shards:,} {noun} read in a run whose auditor failed its own test {are} to be read again"
    failed = f"the auditor's own test failed: {why}; nothing that it says can be believed"
    return "; ".join([failed] * bool(why) + [again] * bool(shards))


def _of_its_copies(replica: ReplicaState) -> Iterator[Concern]:
    if replica.changed_files:
        told = {
            "changed": f"{replica.changed_files:,}",
            "files": f"{replica.changed_of:,}",
            "of": f" of {_packages(replica.changed_packages)}" if replica.changed_packages else "",
            "why": _folders_missing(replica.gone_packages),
            "also": _good_on(replica.good_on, replica.changed_files),
        }
        yield Concern(
            code=ConcernCode.MASS_CHANGE, replica=replica.name, magnitude=replica.changed_files, parameters=told
        )
    if replica.damaged_files:
        told = {
            "files": f"{replica.damaged_files:,}",
            "packages": f"{replica.damaged_packages:,}",
            "also": _good_on(replica.good_on, replica.damaged_files),
        }
        yield Concern(code=ConcernCode.DAMAGED, replica=replica.name, magnitude=replica.damaged_files, parameters=told)
    if replica.unsettled_shards:
        yield _undetermined(replica.name, replica.unsettled_shards, replica.unsettled_packages)


def _good_on(replicas: Sequence[str], files: int) -> str:
    return f"{'it' if files == 1 else 'every file'} is good on {' or '.join(replicas)}" if replicas else ""


def _packages(identifiers: Sequence[str]) -> str:
    return " and ".join(identifiers) if len(identifiers) <= _MOST_NAMED else f"{len(identifiers):,} packages"


def _folders_missing(identifiers: Sequence[str]) -> str:
    if not identifiers:
        return ""
    folders, are = ("folder", "is") if len(identifiers) == 1 else ("folders", "are")
    return f": the {folders} of {_packages(identifiers)} {are} missing"


def _undetermined(replica: str, shards: int, packages: int) -> Concern:
    told = {"shards": f"{shards:,}", "packages": f"{packages:,}"}
    return Concern(code=ConcernCode.UNDETERMINED, replica=replica, magnitude=shards, parameters=told)


def _of_its_promise(situation: Situation, replica: ReplicaState) -> Iterator[Concern]:
    if not replica.copies:
        return
    due, now = replica.run_due_at, situation.now
    if due is not None and now - due > replica.grace:
        last = "never" if replica.last_run_at is None else _moment(replica.last_run_at)
        told = {"last": last, "due": _moment(due)}
        yield Concern(code=ConcernCode.RUN_LATE, replica=replica.name, parameters=told)
    promised = _span(replica.max_age)
    if replica.overdue_shards:
        told = {
            "shards": f"{replica.overdue_shards:,}",
            "size": size(replica.overdue_bytes),
            "max_age": promised,
            "also": "it is away: plug it in" if replica.offline and replica.there is False else "",
        }
        yield Concern(code=ConcernCode.OVERDUE, replica=replica.name, magnitude=replica.overdue_shards, parameters=told)
    if replica.asked_since is not None and now - replica.asked_since > ASKED_AGE:
        told = {"shards": f"{replica.asked_shards:,}", "since": _moment(replica.asked_since)}
        yield Concern(
            code=ConcernCode.ASKED_NOT_READ, replica=replica.name, magnitude=replica.asked_shards, parameters=told
        )
    yield from _of_its_future(replica, now, promised)


def _of_its_future(replica: ReplicaState, now: datetime, promised: str) -> Iterator[Concern]:
    if replica.there is False:
        away = list(_while_it_is_away(replica, now, promised))
        yield from away
        if replica.offline or away:  # a forecast takes it for granted that it will be read
            return
    outlook = replica.outlook
    if outlook is None or outlook.a_day is None:
        return
    would = replica.advice.sentence if replica.advice is not None else "Run `preserve plan`."
    if not outlook.sustains:
        why = f"{size(outlook.needed_a_day)} have to be read a day, and {size(outlook.a_day)} can be"
        told = {"max_age": promised, "why": why, "would": would}
        yield Concern(code=ConcernCode.CANNOT_KEEP, replica=replica.name, parameters=told)
    elif outlook.breaks_at is not None:
        told = {
            "how": "at this speed",
            "max_age": promised,
            "date": f"{outlook.breaks_at:%Y-%m-%d}",
            "would": f"{would} `preserve plan` tells more.",
        }
        yield Concern(code=ConcernCode.WILL_BE_OVERDUE, replica=replica.name, parameters=told)


def _while_it_is_away(replica: ReplicaState, now: datetime, promised: str) -> Iterator[Concern]:
    """A disk in a safe is to be brought before its promise breaks; long before that nobody has to think of it."""
    bring = replica.bringing
    if bring is None or not bring.is_near(now):
        return
    how = "unless it is brought," if replica.offline else "as long as it is away nothing of it is read, and"
    told = {
        "how": how,
        "max_age": promised,
        "date": f"{bring.deadline:%Y-%m-%d}",
        "would": f"Bring it: plug in {replica.name} by {bring.day}. `preserve serve` reads it then; else run "
        "`preserve audit --due`.",
    }
    yield Concern(code=ConcernCode.WILL_BE_OVERDUE, replica=replica.name, parameters=told)


def size(size_bytes: float) -> str:
    """Decimal units, three figures: `1.23 GB`."""
    value, units = float(size_bytes), iter(("B", "kB", "MB", "GB", "TB", "PB"))
    unit = next(units)
    while value >= 999.5 and unit != "PB":
        value, unit = value / 1000, next(units)
    return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.3g} {unit}"


def _span(span: timedelta | None) -> str:
    if span is None:
        return "?"
    if span >= timedelta(days=2):
        return f"{span.days} days"
    if span >= timedelta(hours=1):
        return _counted(span // timedelta(hours=1), "hour")
    return _counted(round(span.total_seconds()), "second")


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
