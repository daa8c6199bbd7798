"""What `watch` and `plan` show: never a green without how it is known, legible at 80 columns, figures that parse."""

import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console, RenderableType

from checks.advice import advice
from checks.capacity import Pace
from checks.concerns import ConcernCode
from checks.evidence import Outcome
from checks.forecast import Load, outlook
from checks.health import concerns
from checks.situation import ReplicaState, Situation
from reports import health, metrics, plan
from reports.health import HealthView

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
GB = 10**9
WELL = ReplicaState(
    name="nas",
    copies=2,
    oldest_read_at=NOW - 30 * DAY,
    max_age=90 * DAY,
    target_age=60 * DAY,
    last_run_at=NOW - 10 * HOUR,
    run_due_at=NOW + 14 * HOUR,
)


def view(*replicas: ReplicaState, **changes: object) -> HealthView:
    found = Situation(now=NOW, replicas=replicas or (WELL,), packages=2, backed_up_at=NOW)
    found = replace(found, **changes)  # type: ignore[arg-type]
    return HealthView(situation=found, concerns=tuple(concerns(found)), journal_head=41)


def drawn(renderables: Iterable[RenderableType], width: int = 80, *, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(width=width, file=out, force_terminal=terminal, color_system=None)
    for one in renderables:
        console.print(one)
    return out.getvalue()


def test_green_says_how_it_is_known() -> None:
    told = " ".join(drawn(health.as_text(view())).split())
    assert "✔ All is well: the last run began 10 h ago; every byte of 2 copies was read in the last 30 d" in told
    assert "90 d are promised" in told


def test_times_that_lie_in_the_future_are_told_as_such() -> None:
    ahead = replace(WELL, last_run_at=NOW + DAY, oldest_read_at=NOW + DAY)
    told = " ".join(drawn(health.as_text(view(ahead))).split())
    assert "the last run began in the future; every byte of 2 copies was read at times that lie in the future" in told


def test_what_an_auditor_read_that_is_not_believed_is_said_beside_when_it_was_read() -> None:
    told = " ".join(drawn(health.as_text(view(replace(WELL, disbelieved_shards=3)))).split())
    assert "in the last 30 d, 3 shards of them by an auditor that is not believed" in told


def test_before_the_first_run_nothing_is_green() -> None:
    shown = view(replace(WELL, last_run_at=None))
    assert shown.concerns == () and shown.outcome is Outcome.INCONCLUSIVE
    assert "Not known yet: no run by the schedule (`preserve serve` or `audit --due`) was" in drawn(
        health.as_text(shown)
    )
    text, status = health.nagios(shown)
    assert status == 3 and text.startswith(
        "PRESERVE UNKNOWN - no run by the schedule (`preserve serve` or `audit --due`) was begun yet"
    )


def test_each_concern_is_a_line_with_its_key_and_what_to_do_below() -> None:
    told = drawn(health.as_text(view(replace(WELL, there=False, why_not="not mounted"))), width=120)
    assert "? nas: it is not there: not mounted (replica-away:nas)\n  Mount it" in told
    assert "All is well" not in told


@pytest.mark.parametrize(
    ("replica", "status", "word"),
    [
        (WELL, 0, "OK"),
        (replace(WELL, canaries="x"), 1, "WARNING"),
        (replace(WELL, overdue_shards=2), 2, "CRITICAL"),
        (replace(WELL, damaged_files=2), 2, "CRITICAL"),
        (ReplicaState(name="nas"), 3, "UNKNOWN"),
    ],
)
def test_nagios_gets_its_own_words_and_statuses(replica: ReplicaState, status: int, word: str) -> None:
    text, found = health.nagios(view(replica))
    assert (found, text.split(" - ")[0]) == (status, f"PRESERVE {word}")


def test_a_bar_in_a_name_does_not_begin_the_figures_of_nagios() -> None:
    text, _ = health.nagios(view(replace(WELL, there=False, why_not="a|b\nc")))
    assert text.splitlines()[0].count("|") == 1
    assert "errors=1;;;0" in text.splitlines()[0].split("|")[1]


def test_json_has_the_fields_of_every_document_and_each_concern() -> None:
    document = health.as_json(view(replace(WELL, overdue_shards=2)))
    assert document["outcome"] == "inconclusive" and document["findings"] == []
    (concern,) = document["concerns"]  # type: ignore[misc]
    assert concern["key"] == "overdue:nas" and concern["severity"] == "error"  # type: ignore[has-type]
    assert set(concern) == {"key", "code", "severity", "replica", "message", "remedy"}  # type: ignore[has-type]


def figures(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_concern_has_its_line_also_where_it_does_not_stand() -> None:
    found = figures(metrics.as_text(view(replace(WELL, overdue_shards=2), replace(WELL, name="usb", there=False))))
    assert found["preserve_concern", "nas", "overdue"] == 1
    assert found["preserve_concern", "overdue", "usb"] == 0
    assert {code for name, *labels in found if name == "preserve_concern" for code in labels} >= set(ConcernCode)
    assert found["preserve_replica_available", "usb"] == 0
    assert found["preserve_overdue_shards", "nas"] == 2
    assert found["preserve_last_run_timestamp_seconds", "nas"] == (NOW - 10 * HOUR).timestamp()
    assert found["preserve_oldest_read_timestamp_seconds", "nas"] == (NOW - 30 * DAY).timestamp()
    assert (found["preserve_up",], found["preserve_journal_head",]) == (1, 41)
    assert found["preserve_promise_seconds",] == (90 * DAY).total_seconds()


def test_what_was_never_read_has_no_time_of_reading() -> None:
    found = figures(metrics.as_text(view(replace(WELL, oldest_read_at=None))))
    assert ("preserve_oldest_read_timestamp_seconds", "nas") not in found


def test_where_nothing_could_be_asked_it_is_down() -> None:
    assert figures(metrics.down()) == {("preserve_up",): 0}


def planned(budget: int, *, changed: int | None = None, price: float | None = None) -> plan.PlanView:
    loads = [
        Load(read_at=NOW - day * DAY, size_bytes=10 * GB, shards=10, max_age=90 * DAY, target_age=60 * DAY)
        for day in range(90)
    ]

    def under(bytes_a_run: int) -> plan.PlanFigures:
        pace = Pace(next_run=lambda at: at + DAY, budget_bytes=bytes_a_run)
        found = outlook(loads, pace, NOW, NOW)
        assert found is not None
        told = None if found.keeps else advice(loads, pace, NOW, NOW)
        return plan.PlanFigures(outlook=found, advice=told, budget_bytes=bytes_a_run)

    bars = tuple(plan.AgeBar(age=day * DAY, size_bytes=10 * GB, shards=10) for day in range(90))
    line = plan.ReplicaPlan(
        name="nas",
        today=under(budget),
        changed=None if changed is None else under(changed),
        bars=(*bars, plan.AgeBar(age=None, size_bytes=GB, shards=1)),
        max_age=90 * DAY,
        target_age=60 * DAY,
        speed=None,
    )
    return plan.PlanView(generated_at=NOW, replicas=(line,), price=price)


def test_a_plan_reads_well_at_80_columns_and_plain_where_there_is_no_terminal() -> None:
    told = drawn(plan.as_text(planned(5 * GB, changed=20 * GB, price=0.09)))
    assert max(map(len, told.splitlines())) <= 80
    assert told.isascii() or not set("█") & set(told)
    for words in (
        "today",
        "as asked",
        "5 GB a day",
        "20 GB a day",
        "target: 60 d",
        "promise: 90 d",
        "never",
        "overdue",
    ):
        assert words in told, told
    assert "█" in drawn(plan.as_text(planned(5 * GB)), terminal=True)


def test_a_plan_that_keeps_the_promise_says_what_there_is_to_spare() -> None:
    shown = planned(20 * GB)
    assert plan.outcome_of(shown) is Outcome.PASS and plan.broken(shown) == []
    assert "45 runs, 45 days" in drawn(plan.as_text(shown)) and "45 days" in drawn(plan.as_text(shown))


def test_a_plan_that_does_not_says_what_would_and_the_changed_settings_answer() -> None:
    (sentence,) = plan.broken(planned(5 * GB))
    assert sentence.startswith("nas: the promise of 90 d cannot be kept. This would keep it: budget = ")
    assert plan.broken(planned(5 * GB, changed=20 * GB)) == []


def test_a_month_of_reading_has_its_price() -> None:
    document = plan.as_json(planned(20 * GB, price=0.1))
    (line,) = document["replicas"]  # type: ignore[misc]
    today = line["today"]  # type: ignore[has-type]
    assert today["bytes_a_month"] == pytest.approx(900 * GB / 54 * 30.4375, rel=0.01)
    assert today["cost_a_month"] == pytest.approx(today["bytes_a_month"] / GB * 0.1, rel=0.01)


def test_bars_add_up_to_all_there_is() -> None:
    shown = planned(20 * GB).replicas[0]
    assert sum(amount for _, amount, _, _ in plan._spans(shown)) == sum(bar.size_bytes for bar in shown.bars)


def test_a_short_promise_is_drawn_in_minutes_and_not_in_days() -> None:
    (line,) = planned(20 * GB).replicas
    bars = tuple(plan.AgeBar(age=timedelta(minutes=ago), size_bytes=GB, shards=1) for ago in (3, 45, 70))
    short = replace(line, max_age=timedelta(minutes=50), target_age=timedelta(minutes=33), bars=bars)
    told = drawn(plan.as_text(plan.PlanView(generated_at=NOW, replicas=(short,))))
    assert "minutes ago" in told and "promise: 50 min" in told and "target: 33 min" in told, told
    (overdue,) = (line for line in told.splitlines() if line.endswith("1 GB  overdue"))
    assert overdue.lstrip().startswith("50+")


def test_a_plan_tells_what_was_read_where_it_is_too_little_to_know_the_speed() -> None:
    (line,) = planned(20 * GB).replicas
    unknown = replace(line.today, outlook=replace(line.today.outlook, keeps=None))
    line = replace(line, today=unknown, measured=(27_400_000, 2.5))
    told = " ".join(drawn(plan.as_text(plan.PlanView(generated_at=NOW, replicas=(line,)))).split())
    assert "too little was read to measure the speed by (so far 27.4 MB in 2 s)" in told
