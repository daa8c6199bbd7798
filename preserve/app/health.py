"""How the care for an archive stands: the one source of the concerns of `status`, `watch`, /metrics and alerts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from checks.advice import advice
from checks.concerns import Concern
from checks.evidence import Evidence
from checks.forecast import Outlook
from checks.health import concerns
from checks.policy import Wanted
from checks.situation import Channel, ReplicaState, Situation
from checks.verdicts import Verdict
from preserve.app.alerts import LIST_OF_ADDRESSES, addresses
from preserve.app.carried_disks import found_at
from preserve.app.catalog_care import heads
from preserve.app.good_copies import good_on
from preserve.app.last_runs import beat, being_read, last_run
from preserve.app.planning import Prospect, prospects
from preserve.app.workspace import Workspace, presence
from preserve.audit.holders import this_process
from preserve.audit.schedule import due_at
from preserve.catalog.rows import CopyRow, Heartbeat, ReplicaRow, ReplicaStatus
from reports.health import HealthView

_HEADS_COMPARED = 20  # the newest: each link holds all before it
_MOST_UNSETTLED = 100_000
_SURVEYED = ("bags", "folders", "files")
METRICS_FAILED = "metrics-failed"  # a kind of the journal's links


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`forecasts` by the replica's name; those without copies have none."""

    view: HealthView
    heartbeat: Heartbeat | None
    forecasts: Mapping[str, Outlook]

    @property
    def concerns(self) -> Sequence[Concern]:
        return self.view.concerns


def health(workspace: Workspace) -> Health:
    """Looks at every replica's identity now; all else is what the catalog has recorded.

    Raises:
        CatalogError, UnreadableError: the catalog cannot be asked. Then nothing is known, which is not green.
    """
    catalog = workspace.catalog
    altered = _altered(workspace)
    heartbeat = catalog.heartbeat()
    backed_up = catalog.last_backed_up()
    counts, minimum = verdict_counts(workspace)
    collections = catalog.collections()
    states = _replica_states(workspace, being_read(workspace, heartbeat))
    situation = Situation(
        now=workspace.clock(),
        replicas=tuple(states),
        packages=sum(counts.values()),
        newest_at=catalog.newest_at(),
        lost_files=files_lost(workspace) if counts.get(Verdict.LOST) else 0,
        lost_packages=counts.get(Verdict.LOST, 0),
        degraded_packages=counts.get(Verdict.DEGRADED, 0),
        unknown_packages=counts.get(Verdict.UNKNOWN, 0),
        few_packages=counts.get(Verdict.UNDER_REPLICATED, 0),
        minimum=minimum,
        most_wanted=max(
            [workspace.settings.minimum_copies(name) or 1 for name in ("", *workspace.settings.collections)]
        ),
        altered=altered,
        heartbeat=None if heartbeat is None else beat(heartbeat),
        last_run=last_run(workspace),
        backed_up_at=None if backed_up is None else backed_up.at,
        backup_wanted=backed_up is None or backed_up.journal_grew,
        channels=_channels(workspace),
        no_metrics=_no_metrics(workspace, heartbeat),
        unknown_replicas=tuple(sorted(workspace.settings.replicas.keys() - {state.name for state in states})),
        unknown_collections=tuple(name for name in workspace.settings.collections if name not in collections),
        collections=tuple(collections),
    )
    view = HealthView(situation=situation, concerns=tuple(concerns(situation)), journal_head=catalog.head()[0])
    forecasts = {state.name: state.outlook for state in states if state.outlook is not None}
    return Health(view=view, heartbeat=heartbeat, forecasts=forecasts)


def _channels(workspace: Workspace) -> tuple[Channel, ...]:
    """As the catalog knows them; that the file of addresses cannot be used is known before a letter is due."""
    known = {
        row.name: Channel(name=row.name, failed_at=row.failed_at, last_ok_at=row.last_ok_at, why=row.why)
        for row in workspace.catalog.channels()
    }
    problem, listed = addresses(workspace.settings).problem, known.get(LIST_OF_ADDRESSES)
    if problem is not None and not (listed is not None and listed.fails):
        now = workspace.clock()
        known[LIST_OF_ADDRESSES] = Channel(name=LIST_OF_ADDRESSES, failed_at=now, last_ok_at=None, why=str(problem))
    return tuple(known.values())


def no_metrics(workspace: Workspace, why: str) -> None:
    """Writes down that this process, a service, cannot be asked for metrics."""
    workspace.catalog.record_of_itself(METRICS_FAILED, {"holder": this_process(), "why": why}, workspace.clock())


def metrics(workspace: Workspace) -> str:
    """The figures for Prometheus; raises like `health`."""
    from reports.metrics import as_text  # its package is slow to import, and few ask for it

    return as_text(health(workspace).view)


def down() -> str:
    """The figures where nothing can be asked: `preserve_up 0`."""
    from reports.metrics import down as text  # see above

    return text()


def verdict_counts(workspace: Workspace) -> tuple[Mapping[Verdict, int], str]:
    """Packages by verdict, too few copies being less than its collection asks for; and how many that is, in words."""
    settings, catalog = workspace.settings, workspace.catalog
    base = settings.audit.minimum_copies or 1
    own = {name: settings.minimum_copies(name) or 1 for name in settings.collections}
    if all(minimum == base for minimum in own.values()):
        return catalog.status_counts(base).packages, str(base)
    counts = dict(catalog.status_counts(0).packages)
    copies: dict[int, int] = {}
    for copy in catalog.copies(current_only=True):
        copies[copy.package_id] = copies.get(copy.package_id, 0) + 1
    few = sum(
        package.verdict is Verdict.INTACT and copies.get(package.id, 0) < own.get(package.collection, base)
        for package in catalog.packages()
    )
    counts[Verdict.INTACT] -= few
    counts[Verdict.UNDER_REPLICATED] += few
    each = sorted({base, *own.values()})
    return counts, f"their collections ask for ({each[0]} to {each[-1]})"


def files_lost(workspace: Workspace) -> int:
    """Files of which no good copy is known; only to be asked where a package is lost."""
    return sum(
        file.verdict is Verdict.LOST
        for package in workspace.catalog.packages()
        if package.verdict is Verdict.LOST
        for file in workspace.catalog.file_verdicts(package.id)
    )


def _replica_states(workspace: Workspace, being_read: Collection[str]) -> list[ReplicaState]:
    catalog, now, stores = workspace.catalog, workspace.clock(), workspace.stores()
    held = {status.replica_id: status for status in catalog.status_counts().replicas}
    frozen = catalog.frozen(workspace.mass_change)
    tests, surveys = catalog.latest_by_replica("self-test"), catalog.latest_by_replica("replica-surveyed")
    left, wanted = catalog.latest_by_replica("head-left"), catalog.wanted_counts()
    states = []
    for prospect in prospects(workspace):
        replica = prospect.replica
        configured, seen = workspace.settings.replicas.get(replica.name), presence(stores.get(replica.id), replica)
        changed = [one for one in frozen if one.copy.replica_id == replica.id]
        _, tested = tests.get(str(replica.uuid), (now, {}))
        _, surveyed = surveys.get(str(replica.uuid), (now, {}))
        state = ReplicaState(
            name=replica.name,
            there=seen.there,
            why_not=seen.why_not,
            wrong=seen.wrong,
            unnamed=seen.unnamed,
            offline=configured is not None and configured.offline and not seen.wrong,
            changed_files=sum(one.changed for one in changed),
            changed_of=sum(one.files for one in changed),
            changed_packages=tuple(dict.fromkeys(one.copy.package for one in changed)),
            gone_packages=tuple(dict.fromkeys(one.copy.package for one in changed if one.gone)),
            self_test_failed=self_test_failed(tested),
            canaries=damaged_canaries(tested),
            not_tested=tested_elsewhere(tested),
            found_at=found_at(configured, stores.get(replica.id)),
            head_not_left=str(left.get(str(replica.uuid), (now, {}))[1].get("problem", "")),
            surveyed=surveyed_things(surveyed),
        )
        state = _with_its_copies(workspace, prospect, held.get(replica.id), state)
        state = _with_what_is_wanted(state, wanted.get(replica.id, {}))
        states.append(replace(state, run_due_at=None) if replica.name in being_read else state)
    return states


def _with_its_copies(
    workspace: Workspace, prospect: Prospect, held: ReplicaStatus | None, state: ReplicaState
) -> ReplicaState:
    if held is None or held.copies == 0:
        return state
    now, replica = workspace.clock(), prospect.replica
    outlook = prospect.outlook(now)
    in_doubt = held.damage or held.undetermined or held.shards_read < held.shards
    failing = _failing(workspace, replica)
    copies = workspace.catalog.copies(replica_ids=[replica.id]) if in_doubt or failing else []
    overdue, overdue_bytes = _overdue(workspace, prospect, now)
    days = [age.day for age in prospect.ages if age.day is not None]
    return replace(
        state,
        copies=held.copies,
        damaged_files=held.damage,
        damaged_packages=_packages([copy for copy in copies if copy.damage]),
        good_on=good_on(workspace, {copy.package_id for copy in copies if copy.damage}, replica.name),
        unsettled_shards=max(failing, held.undetermined, held.shards - held.shards_read),
        unsettled_packages=max(
            1, _packages([one for one in copies if one.undetermined or one.shards_read < one.shards])
        ),
        overdue_shards=overdue,
        overdue_bytes=overdue_bytes,
        oldest_read_at=None if any(load.never for load in prospect.loads) else _oldest(workspace, prospect),
        newest_read_at=datetime.combine(max(days), time(), tzinfo=UTC) if days else None,
        max_age=min((load.max_age for load in prospect.loads), default=None),
        target_age=min((load.target_age for load in prospect.loads), default=None),
        last_run_at=prospect.plan.last_run_at,
        run_due_at=_run_due_at(workspace, prospect),
        grace=prospect.plan.grace,
        outlook=outlook,
        bringing=prospect.bringing(outlook),
        advice=advice(prospect.loads, prospect.pace, prospect.start, now)
        if outlook is not None and (outlook.breaks_at is not None or not outlook.sustains)
        else None,
    )


def _with_what_is_wanted(state: ReplicaState, wanted: Mapping[Wanted, tuple[int, datetime]]) -> ReplicaState:
    disbelieved, _ = wanted.get(Wanted.DISBELIEVED, (0, None))
    asked = [each for why, each in wanted.items() if why is not Wanted.DISBELIEVED]
    return replace(
        state,
        disbelieved_shards=disbelieved,
        asked_shards=sum(number for number, _ in asked),
        asked_since=min((since for _, since in asked), default=None),
    )


def _run_due_at(workspace: Workspace, prospect: Prospect) -> datetime | None:
    """When the next run is due; where none ever was, from when the oldest copy was recorded."""
    if prospect.plan.last_run_at is not None:
        return prospect.run_due_at
    copies = workspace.catalog.copies(replica_ids=[prospect.replica.id])
    first = min((copy.recorded_at for copy in copies), default=None)
    return None if first is None else due_at(replace(prospect.plan, last_run_at=first), workspace.policies.zone)


def _packages(copies: Sequence[CopyRow]) -> int:
    return len({copy.package_id for copy in copies})


def _failing(workspace: Workspace, replica: ReplicaRow) -> int:
    """Shards whose last reading could not determine them, whether they wait for another or not."""
    catalog, now, here = workspace.catalog, workspace.clock(), [replica.id]
    waiting = catalog.waiting(now, here)
    return waiting + len(catalog.unsettled(Evidence.READ, now, here, _MOST_UNSETTLED))


def _overdue(workspace: Workspace, prospect: Prospect, now: datetime) -> tuple[int, int]:
    """Shards and bytes that are older than promised; of what was never read, since its copy was recorded."""
    never = [load for load in prospect.loads if load.never and now - load.read_at > load.max_age]
    shards, size = sum(load.shards for load in never), round(sum(load.size_bytes for load in never))
    asked: dict[tuple[timedelta, str], list[str]] = {}
    for name, promise in prospect.promises.items():
        asked.setdefault((promise.max_age, promise.evidence), []).append(name)
    for (max_age, evidence), collections in asked.items():
        several = None if len(asked) == 1 else collections
        late = workspace.catalog.late(prospect.replica.id, Evidence.from_label(evidence), now - max_age, several)
        shards, size = shards + late[0], size + late[1]
    return shards, size


def _oldest(workspace: Workspace, prospect: Prospect) -> datetime | None:
    levels = {Evidence.from_label(promise.evidence) for promise in prospect.promises.values()}
    level = max(levels, default=Evidence.READ)
    return workspace.catalog.oldest(level).get(prospect.replica.id)


def _altered(workspace: Workspace) -> str:
    """The newest heads that the replicas remember, against the journal: seldom wrong, and then gravely."""
    seen = sorted(heads(workspace), key=lambda head: head.number)[-_HEADS_COMPARED:]
    number, last = workspace.catalog.head()  # after the heads: meanwhile the journal may have grown
    for head in seen:
        if head.number > number:
            return f"{head.where} knows link {head.number:,} of the journal, which ends with {number:,}"
        link = None if head.number == number else next(iter(workspace.catalog.journal(after=head.number - 1)), None)
        found = last if head.number == number else None if link is None else link.hash
        if head.number and found != head.hash:
            return f"link {head.number:,} of the journal is not the one that {head.where} knows"
    return ""


def _no_metrics(workspace: Workspace, heartbeat: Heartbeat | None) -> str:
    """Why the service that gave the last sign of life has no metrics; those that stand by or ended do not count."""
    failed = workspace.catalog.latest(METRICS_FAILED)
    return str(failed.get("why", "")) if heartbeat is not None and failed.get("holder") == heartbeat.holder else ""


def self_test_failed(body: Mapping[str, object]) -> str:
    """Why the auditor's own test failed, out of what was recorded of it; empty: it passed, or there was none."""
    return str(body.get("why") or "it does not say why") if body.get("outcome") == "fail" else ""


def tested_elsewhere(body: Mapping[str, object]) -> str:
    """Why the auditor was tested in another place than on the replica; empty: it was tested there."""
    return str(body.get("why") or "it does not say why") if body.get("untested") else ""


def damaged_canaries(body: Mapping[str, object]) -> str:
    """The files for testing that were read wrongly."""
    damaged = body.get("damaged")
    return ", ".join(map(str, damaged)) if isinstance(damaged, list) else ""


def surveyed_things(body: Mapping[str, object]) -> dict[str, object]:
    """What a replica holds that no copy accounts for: numbers of bags, folders and files, and one of them by name.

    Of each no more than ten thousand were told apart; `more` is how many there are beyond, if any.
    """
    found = {kind: number for kind in (*_SURVEYED, "more") if isinstance(number := body.get(kind), int) and number}
    if not found:
        return {}
    examples = body.get("examples")
    named = examples[0] if isinstance(examples, list) and examples else "?"
    return {**dict.fromkeys(_SURVEYED, 0), **found, "example": named}
