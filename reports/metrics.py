"""The same as figures for Prometheus, in its text format. Times are seconds since 1970 UTC."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from checks.concerns import ConcernCode
from checks.situation import ReplicaState
from reports.health import HealthView

_OF_NO_REPLICA = frozenset(
    {
        ConcernCode.LOST,
        ConcernCode.RECORD_ALTERED,
        ConcernCode.UNDER_REPLICATED,
        ConcernCode.SILENT,
        ConcernCode.RUN_STOPPED,
        ConcernCode.BACKUP_LATE,
        ConcernCode.CHANNEL_FAILED,
        ConcernCode.METRICS_FAILED,
        ConcernCode.CLOCK_WRONG,
        ConcernCode.NOTHING_KEPT,
    }
)


def as_text(view: HealthView) -> str:
    """Every code has its line, with 0 where it does not stand: what is missing raises no alarm in Prometheus."""
    return _written(_families(view))


def down() -> str:
    """Where nothing could be asked."""
    return _written([_up(0)])


def _families(view: HealthView) -> Iterator[Metric]:
    yield _up(1)
    replicas = view.situation.replicas
    yield _concerns(view)
    yield _of_replicas("preserve_replica_available", "1 if the replica is there now.", replicas, _available)
    yield _times(
        "last_run", "When the last run for what is due was begun.", replicas, lambda replica: replica.last_run_at
    )
    yield _times(
        "oldest_read",
        "When the byte was read that was not read for longest; absent while any was never read.",
        replicas,
        lambda replica: replica.oldest_read_at,
    )
    yield _times(
        "forecast_break",
        "When the promise will first be broken; absent where that is not foreseen.",
        replicas,
        lambda replica: None if replica.outlook is None else replica.outlook.breaks_at,
    )
    overdue = "Shards that were not read for longer than promised."
    yield _of_replicas("preserve_overdue_shards", overdue, replicas, lambda replica: replica.overdue_shards)
    damaged = "Files with open findings that are damage."
    yield _of_replicas("preserve_damaged_files", damaged, replicas, lambda replica: replica.damaged_files)
    promises = [replica.max_age.total_seconds() for replica in replicas if replica.max_age is not None]
    if promises:
        told = "Within how long every byte is to be read; the strictest."
        yield GaugeMetricFamily("preserve_promise_seconds", told, value=min(promises))
    yield GaugeMetricFamily("preserve_journal_head", "The number of the journal's last link.", value=view.journal_head)
    beat = view.situation.heartbeat
    if beat is not None:
        yield GaugeMetricFamily(
            "preserve_heartbeat_timestamp_seconds", "When `preserve serve` was last alive.", value=beat.at.timestamp()
        )


def _up(value: int) -> Metric:
    return GaugeMetricFamily("preserve_up", "1 if the catalog could be asked.", value=value)


def _concerns(view: HealthView) -> Metric:
    made = GaugeMetricFamily("preserve_concern", "1 while the concern stands.", labels=("code", "replica"))
    standing = {(concern.code, concern.replica) for concern in view.concerns}
    names = [replica.name for replica in view.situation.replicas]
    known = {(code, name) for code in ConcernCode for name in ([""] if code in _OF_NO_REPLICA else names)}
    for code, replica in sorted(standing | known):
        made.add_metric([code.value, replica], int((code, replica) in standing))
    return made


def _available(replica: ReplicaState) -> int:
    return int(bool(replica.there))


def _of_replicas(
    name: str, told: str, replicas: Iterable[ReplicaState], value: Callable[[ReplicaState], int]
) -> Metric:
    made = GaugeMetricFamily(name, told, labels=("replica",))
    for replica in replicas:
        made.add_metric([replica.name], value(replica))
    return made


def _times(
    name: str, told: str, replicas: Iterable[ReplicaState], at: Callable[[ReplicaState], datetime | None]
) -> Metric:
    made = GaugeMetricFamily(f"preserve_{name}_timestamp_seconds", told, labels=("replica",))
    for replica in replicas:
        moment = at(replica)
        if moment is not None:
            made.add_metric([replica.name], moment.timestamp())
    return made


class _Given(Collector):
    """A registry of its own, so that nothing of this process is told with it."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _written(families: Iterable[Metric]) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(families))
    return generate_latest(registry).decode()
