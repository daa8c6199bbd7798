"""A run: the auditor tests itself, reads what is due, looks what else is there, leaves the head of the record."""

import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import config
from preserve import __version__
from preserve.app import alerts, traces
from preserve.app.audit_views import missed
from preserve.app.audits import planner
from preserve.app.catalog_care import back_up, backup_is_due
from preserve.app.health import health
from preserve.app.reading import NOT_BELIEVED_REMEDY, Reading, Tested
from preserve.app.workspace import Workspace, operator, presence
from preserve.audit.holders import is_dead, this_process
from preserve.audit.planning import DueRun, Request
from preserve.audit.running import Auditor
from preserve.audit.schedule import RunPlan
from preserve.catalog.asking import SELF_TEST
from preserve.catalog.rows import AuditRow, AuditState, Heartbeat
from preserve.errors import PreserveError, StoppedError, UndeterminedError
from preserve.progress import Progress
from reports.catalog_care import backup_sentence

_RUNS_LOOKED_AT = 50  # the newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of a run."""

    audits: tuple[AuditRow, ...]  # one for each level of evidence, at least one
    away: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()  # besides what was read, in words
    untested: Mapping[str, str] = field(default_factory=dict)  # where no test could follow the reading, and why
    disbelieved: str = ""  # why the auditor is not to be believed; then nothing of it counts


class Run:
    """One run for what is due, in steps: `with Run(...) as run: run.prepare(); run.carry_out()`."""

    def __init__(
        self,
        workspace: Workspace,
        request: Request,
        progress: Progress,
        stop: threading.Event | None = None,
        auditor: type[Auditor] = Auditor,
    ) -> None:
        self._workspace = workspace
        self._request = request
        self._stop = stop or threading.Event()
        self._reading = Reading(workspace, progress, self._stop, auditor)
        self._tested = Tested()
        self.due = DueRun(audits=(), urgencies={}, waiting=0, away={})

    def __enter__(self) -> "Run":
        self._reading.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._reading.__exit__(None, None, None)

    def prepare(self) -> DueRun:
        """Tests the auditor, then opens audits of what is due.

        Raises:
            UndeterminedError: the test failed; an audit that set out to do nothing says so.
            StoppedError: it was asked to stop.
            UsageError: there is no copy to audit.
        """
        workspace, planning = self._workspace, planner(self._workspace)
        planning.settle()
        replicas = workspace.replicas(self._request.replicas)
        self._tested = self._reading.test(replicas)
        if self._stop.is_set():
            raise StoppedError("stopped before anything was read")
        if self._tested.failed:
            self._refuse()
        self.due = planning.due(self._request, self._tested.there, self._tested.away)
        return self.due

    def carry_out(self) -> Ran:
        """Reads what was planned, looks what else is there, and leaves the head of the record."""
        problems = list[str]()
        disbelieved = ""
        audits = self.due.audits
        there = self._tested.there
        try:
            audits = tuple(self._reading.read_believed(audits, there, self.due.urgencies))
        except UndeterminedError as error:
            disbelieved = error.message
            audits = tuple(self._workspace.catalog.audit(audit.id) for audit in audits)
        untested = {
            name: why for one in audits for name, why in self._workspace.catalog.away_at_last_test(one.id).items()
        }
        if not self._stop.is_set():
            traces.survey_replicas(self._workspace, there)
            problems += traces.leave_heads(self._workspace, there)
        return Ran(
            audits=audits,
            away=self.due.away,
            problems=tuple(problems),
            untested=untested,
            disbelieved=disbelieved,
        )

    def _refuse(self) -> None:
        scope = {**self._request.scope(), "due": True, "failed": dict(self._tested.failed)}
        catalog, now = self._workspace.catalog, self._workspace.clock()
        audit = catalog.open_audit(scope, self._workspace.required, [], now)
        catalog.end_audit(audit.id, AuditState.STOPPED, now, reason=SELF_TEST)
        raise UndeterminedError(
            f"{self._tested.why}; nothing was read",
            remedy=NOT_BELIEVED_REMEDY,
        )


class Service:
    """What the daemon does with a workspace; see `preserve.daemon.work.Work`."""

    def __init__(self, workspace: Workspace, progress: Progress, auditor: type[Auditor] = Auditor) -> None:
        self._workspace = workspace
        self._progress = progress
        self._auditor = auditor
        self._holder = this_process()
        self._tick_seconds = 30.0

    def lead(self, ttl_seconds: float) -> bool:
        catalog, now = self._workspace.catalog, self._workspace.clock()
        return catalog.claim_leadership(self._holder, now, ttl_seconds, is_dead=is_dead)

    def yield_lead(self) -> None:
        self._workspace.catalog.release_leadership(self._holder)

    def plans(self) -> Mapping[str, RunPlan]:
        return run_plans(self._workspace)

    def run_due(self, replicas: tuple[str, ...], stop: threading.Event) -> str:
        request = Request(replicas=replicas, due=True, by=operator())
        try:
            return in_words(run_due(self._workspace, request, self._progress, stop, self._auditor))
        except StoppedError as error:
            return error.message

    def beat(self, next_run_at: datetime | None, *, goodbye: bool = False) -> None:
        running = [
            audit.id for audit in self._workspace.catalog.running_audits() if audit.scope.get("holder") == self._holder
        ]
        heartbeat = Heartbeat(
            at=self._workspace.clock(),
            holder="" if goodbye else self._holder,
            host=socket.gethostname(),
            every_seconds=self._tick_seconds,
            next_run_at=None if goodbye else next_run_at,
            audit_id=running[-1] if running else None,
            version=__version__,
        )
        self._workspace.catalog.beat(heartbeat)

    def look_after(self, stop: threading.Event) -> str:
        return tell(self._workspace)

    def back_up_if_due(self) -> str:
        return back_up_if_due(self._workspace)

    def reload(self, settings: config.Settings) -> None:
        self._workspace.settings = settings


def run_plans(workspace: Workspace) -> Mapping[str, RunPlan]:
    """By replica: how often it is to be read, and when that was last begun."""
    last = workspace.catalog.last_due_runs()
    asked = workspace.catalog.asked_on(workspace.clock())
    brought = _brought(workspace)
    return {
        replica.name: RunPlan(
            name=replica.name,
            every=workspace.settings.limits(replica.name).every,
            hours=workspace.hours(replica.name),
            grace=workspace.settings.limits(replica.name).grace,
            last_run_at=last.get(replica.name),
            asked=replica.id in asked or replica.name in brought,
        )
        for replica in workspace.replicas()
    }


def _brought(workspace: Workspace) -> frozenset[str]:
    """The disks carried by hand that were away at their last run and are there now: what is due of them is read at
    once, as nobody knows for how long they stay."""
    carried = {each.name for each in workspace.settings.replicas.values() if each.offline}
    away = set[str]()
    for audit in workspace.catalog.audits(_RUNS_LOOKED_AT) if carried else ():
        if audit.scope.get("due"):
            gone, there = (set(map(str, _listed(audit.scope.get(key)))) for key in ("away", "replicas"))
            away |= gone & carried
            carried -= gone | there
    stores = workspace.stores() if away else {}
    rows = [replica for replica in workspace.replicas() if replica.name in away]
    return frozenset(replica.name for replica in rows if presence(stores.get(replica.id), replica).there)


def _listed(value: object) -> Iterable[object]:
    return value if isinstance(value, list | dict) else ()


def run_due(
    workspace: Workspace,
    request: Request,
    progress: Progress,
    stop: threading.Event | None = None,
    auditor: type[Auditor] = Auditor,
    begun: Callable[[Sequence[AuditRow]], None] = lambda _: None,
) -> Ran:
    """One run; the dead man's switch hears how it began and how it ended, but not of a stop that was asked for.

    Args:
        begun: told what it sets out to do.

    Raises:
        UndeterminedError: the auditor's test of itself failed before anything was read.
        StoppedError: it was asked to stop before anything was read.
        UsageError: there is no copy to audit.
    """
    stop = stop or threading.Event()
    alerts.ping(workspace, "start")
    try:
        with Run(workspace, request, progress, stop, auditor) as run:
            begun(run.prepare().audits)
            ran = run.carry_out()
    except StoppedError:
        raise
    except Exception as error:
        alerts.ping(workspace, "fail", _why(error))
        raise
    if was_done(workspace, ran):
        alerts.ping(workspace, "ok", in_words(ran))
    elif not stop.is_set():
        alerts.ping(workspace, "fail", in_words(ran))
    return ran


def _why(error: Exception) -> str:
    return error.message if isinstance(error, PreserveError) else f"{type(error).__name__}: {error}"


def was_done(workspace: Workspace, ran: Ran) -> bool:
    """Whether a run was done, whatever it found: that is what the dead man's switch is about.

    Not where a replica was away that may not be: of a machine that has lost all its mounts somebody has to hear.
    """
    return not ran.disbelieved and not missed(workspace, ran.away) and all(ended_well(audit) for audit in ran.audits)


def ended_well(audit: AuditRow) -> bool:
    """Whether an audit came to its end or to the limits that are set for it, or left the rest to another run."""
    return audit.state is AuditState.ENDED or audit.reason in ("hours", "budget-time", "other-run")


def tell(workspace: Workspace) -> str:
    """Sends the letters that are to be sent now; a sentence about it, or nothing."""
    deliveries = alerts.tell(workspace, health(workspace).concerns, now=workspace.clock())
    sent = [delivery.channel for delivery in deliveries if delivery.ok]
    failed = [f"{delivery.channel}: {delivery.why}" for delivery in deliveries if not delivery.ok]
    told = [f"told by {', '.join(dict.fromkeys(sent))}"] if sent else []
    return "; ".join([*told, *(f"could not tell by {each}" for each in dict.fromkeys(failed))])


def back_up_if_due(workspace: Workspace) -> str:
    """Backs the catalog up, if the last day's work stands in no backup yet; a sentence about it, or nothing."""
    return backup_sentence(back_up(workspace)) if backup_is_due(workspace) else ""


def in_words(ran: Ran) -> str:
    """One line for a log."""
    return "; ".join([*(_audit_in_words(audit) for audit in ran.audits), *_besides(ran)])


def _audit_in_words(audit: AuditRow) -> str:
    told = (
        f"audit {audit.id}: {audit.done:,} of {audit.planned:,} shards that were due; "
        f"{audit.passed:,} passed, {audit.failed:,} failed, {audit.inconclusive:,} inconclusive"
    )
    if audit.state is AuditState.STOPPED:
        told += f"; stopped ({audit.reason or 'before its end'})"
    return told


def _besides(ran: Ran) -> Iterable[str]:
    if ran.disbelieved:
        yield ran.disbelieved
    for name, why in ran.away.items():
        yield f"{name} is not there: {why}"
    for name, why in ran.untested.items():
        yield f"the auditor could not be tested again on {name}: {why}"
    yield from ran.problems
