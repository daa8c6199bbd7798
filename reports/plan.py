"""Whether the promise will be kept: figures for each replica, what stands behind, and what would keep it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from checks.advice import Advice, setting_size, setting_time
from checks.carried import Bringing
from checks.evidence import Outcome
from checks.forecast import Outlook
from reports.layout import table
from reports.words import OUTCOMES, count, iso, length, size, visible

_ROWS = 9  # of a chart, up to the promise
_NARROWEST = 8
_EVER = 10**9  # days
_UNITS = {  # of the chart, short and in full
    timedelta(days=1): ("d", "days"),
    timedelta(hours=1): ("h", "hours"),
    timedelta(minutes=1): ("min", "minutes"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeBar:
    """What was last read so long ago; None: never; negative: in the future."""

    age: timedelta | None
    size_bytes: int
    shards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """The forecast under some settings; `advice` where the promise is not kept."""

    outlook: Outlook
    advice: Advice | None = None
    budget_bytes: int | None = None
    budget_time: timedelta | None = None
    rate: int | None = None
    always_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaPlan:
    """`speed` in bytes a second, as it was measured; `changed` by the settings that were asked about.

    `measured`: bytes and seconds by which the speed is to be known, be they too few for it; None: nothing was read.
    """

    name: str
    today: PlanFigures
    changed: PlanFigures | None
    bars: Sequence[AgeBar]
    max_age: timedelta
    target_age: timedelta
    speed: float | None
    measured: tuple[int, float] | None = None
    bringing: Bringing | None = None  # where it is away, as it may be

    @property
    def asked(self) -> PlanFigures:
        """Those by which the question is answered."""
        return self.changed or self.today


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """`price` of reading 10^9 bytes, in whatever money."""

    generated_at: datetime
    replicas: tuple[ReplicaPlan, ...]
    price: float | None = None


def outcome_of(view: PlanView) -> Outcome:
    """PASS where every promise is kept; FAIL where one is not; INCONCLUSIVE where that cannot be said yet."""
    kept = [replica.asked.outlook.keeps for replica in view.replicas]
    if any(each is False for each in kept):
        return Outcome.FAIL
    return Outcome.PASS if kept and all(kept) else Outcome.INCONCLUSIVE


def broken(view: PlanView) -> list[str]:
    """A sentence for each promise that is not kept, with what would keep it."""
    return [
        f"{visible(replica.name)}: {_verdict(replica)[1]}"
        for replica in view.replicas
        if replica.asked.outlook.keeps is False
    ]


def as_json(view: PlanView) -> dict[str, object]:
    # What is not kept is no damage: `fail` is kept for that.
    outcome = outcome_of(view)
    return {
        "outcome": (Outcome.INCONCLUSIVE if outcome is Outcome.FAIL else outcome).value,
        "generated_at": iso(view.generated_at),
        "findings": [],
        "counts": {"replicas": len(view.replicas), "not_kept": len(broken(view))},
        "replicas": [_replica_json(replica, view.price) for replica in view.replicas],
    }


def as_text(view: PlanView) -> Iterator[RenderableType]:
    if not view.replicas:
        yield Text("There is no copy that could be planned for.", "dim")
    for replica in view.replicas:
        outcome, sentence = _verdict(replica)
        mark, style = OUTCOMES[outcome]
        yield Text.assemble((visible(replica.name), "bold"), ": ", (f"{mark} {sentence}", style))
        if replica.bringing is not None:
            yield Text(f"It is away: plug in {visible(replica.name)} by {replica.bringing.day}.", "yellow")
        yield _table(replica, view.price)
        yield Chart(replica)


def chart_unit(promise: timedelta) -> timedelta:
    """Days, hours or minutes: that in which a promise is a number that says something."""
    units = (timedelta(days=1), timedelta(hours=1))
    return next((unit for unit in units if promise >= 3 * unit), timedelta(minutes=1))


def _verdict(replica: ReplicaPlan, figures: PlanFigures | None = None) -> tuple[Outcome, str]:
    figures = figures or replica.asked
    outlook, would = figures.outlook, figures.advice.sentence if figures.advice is not None else ""
    promise = f"the promise of {length(outlook.max_age)}"
    if outlook.keeps is None:
        return Outcome.INCONCLUSIVE, f"whether {promise} is kept is not known: {_unmeasured(replica)}"
    if outlook.keeps:
        return Outcome.PASS, f"{promise} is kept"
    if not outlook.sustains:
        return Outcome.FAIL, f"{promise} cannot be kept. {would}"
    if outlook.breaks_at is not None:
        return Outcome.FAIL, f"{promise} will be broken on {outlook.breaks_at:%Y-%m-%d}. {would}"
    late = count(outlook.overdue_shards, "shard is", "shards are")
    return Outcome.FAIL, f"{promise} is broken now: {late} overdue ({size(outlook.overdue_bytes)}); they are read first"


def _unmeasured(replica: ReplicaPlan) -> str:
    if replica.measured is None:
        return "nothing was read yet: run `preserve audit`, or set a budget or a rate"
    read, seconds = replica.measured
    return (
        f"too little was read to measure the speed by (so far {size(read)} in {length(timedelta(seconds=seconds))}); "
        "set a budget or a rate"
    )


def _table(replica: ReplicaPlan, price: float | None) -> Table:
    headings = ("", "today") if replica.changed is None else ("", "today", "as asked")
    made = table(*headings)
    columns = [_rows(replica, figures, price) for figures in (replica.today, replica.changed) if figures is not None]
    for label, cells in zip(columns[0], zip(*(column.values() for column in columns), strict=True), strict=True):
        made.add_row(Text(label), *map(Text, cells))
    return made


def _rows(replica: ReplicaPlan, figures: PlanFigures, price: float | None) -> dict[str, str]:
    outlook = figures.outlook
    rows = {
        "to be read": f"{size(outlook.size_bytes)} in {count(outlook.shards, 'shard')}",
        "promise, target": f"{length(replica.max_age)}, {length(replica.target_age)}",
        "limits": _limits(figures),
        "measured speed": "not yet" if replica.speed is None else f"{size(round(replica.speed))} a second",
        "can be read": _known(outlook.a_day, lambda value: f"{size(round(value))} a day"),
        "has to be read": f"{size(round(outlook.needed_a_day))} a day",
        "a full pass": _pass(outlook),
        "to spare": _known(outlook.spare_days, lambda value: f"{value:.0f} days" if abs(value) >= 2 else _hours(value)),
        "overdue now": f"{outlook.overdue_shards:,}" if outlook.overdue_shards else "none",
        "first broken": _known(outlook.a_day, lambda _: _date(outlook.breaks_at)),
        "read in a month": _known(outlook.a_month, lambda value: size(round(value))),
    }
    if price is not None:
        rows["cost of a month"] = _known(_cost(outlook, price), lambda value: f"{value:,.2f}")
    return rows


def _known(value: float | None, told: Callable[[float], str]) -> str:
    return "not known yet" if value is None else told(value)


def _hours(days: float) -> str:
    return f"{days * 24:.0f} hours"


def _date(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d}"


def _pass(outlook: Outlook) -> str:
    if outlook.a_day is None:
        return "not known yet"
    if outlook.pass_days is None:
        return "never: nothing can be read"
    span = f"{outlook.pass_days:.0f} days" if outlook.pass_days >= 2 else _hours(outlook.pass_days)
    return span if outlook.runs is None else f"{count(outlook.runs, 'run')}, {span}"


def _limits(figures: PlanFigures) -> str:
    told = [] if figures.always_open else ["hours"]
    if figures.budget_bytes is not None:
        told.append(f"{setting_size(figures.budget_bytes)} a run")
    if figures.budget_time is not None:
        told.append(f"{setting_time(figures.budget_time)} a run")
    if figures.rate is not None:
        told.append(f"{setting_size(figures.rate)}/s")
    return ", ".join(told) or "none"


def _cost(outlook: Outlook, price: float) -> float | None:
    return None if outlook.a_month is None else outlook.a_month / 10**9 * price


@dataclass(frozen=True, slots=True)
class Chart:
    """How much was last read how long ago: a bar for each span of days, hours or minutes, target and promise marked."""

    replica: ReplicaPlan

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        ink = "█" if console.is_terminal and not options.ascii_only else "#"
        rows = _spans(self.replica)
        most = max((amount for _, amount, _, _ in rows), default=0)
        label = max((len(words) for words, *_ in rows), default=0)
        tail = max((len(size(amount)) + 2 + len(note) for _, amount, note, _ in rows), default=0)
        columns = max(_NARROWEST, options.max_width - label - tail - 6)
        yield Text(f"last read ({_UNITS[chart_unit(self.replica.max_age)][1]} ago)", "dim")
        for words, amount, note, style in rows:
            bar = ink * (max(1, round(columns * amount / most)) if amount else 0)
            line = Text.assemble(f"  {words:>{label}}  ", (bar, style), " " if bar else "")
            yield line.append(size(amount) if amount else "-", "" if amount else "dim").append(f"  {note}", "dim")
        yield Text("")


def _spans(replica: ReplicaPlan) -> list[tuple[str, int, str, str]]:
    """(days, hours or minutes; bytes; what lies there; style), from what was read last to what was never read."""
    unit = chart_unit(replica.max_age)
    promise, target = (max(1, age // unit) for age in (replica.max_age, replica.target_age))
    short = _UNITS[unit][0]
    step = max(1, -(-promise // _ROWS))
    rows = []
    ahead = _between(replica, -_EVER, 0)
    if ahead:
        rows.append(("in the future", ahead, "the clock was set back", "red"))
    for first in range(0, promise, step):
        last = min(first + step, promise)
        words = f"{first}" if last - first == 1 else f"{first}-{last - 1}"
        note = f"target: {target} {short}" if first <= target - 1 < last and target < promise else ""
        if last == promise:
            note = ", ".join(part for part in (note, f"promise: {promise} {short}") if part)
        style = "green" if first < target else "yellow"
        rows.append((words, _between(replica, first, last), note, style))
    rows.append((f"{promise}+", _between(replica, promise, _EVER), "overdue", "red"))
    never = sum(bar.size_bytes for bar in replica.bars if bar.age is None)
    if never:
        rows.append(("never", never, "never read", "red"))
    return rows


def _between(replica: ReplicaPlan, first: int, last: int) -> int:
    """Bytes last read so many of the chart's units ago, of [first, last)."""
    unit = chart_unit(replica.max_age)
    return sum(bar.size_bytes for bar in replica.bars if bar.age is not None and first <= bar.age // unit < last)


def _replica_json(replica: ReplicaPlan, price: float | None) -> dict[str, object]:
    return {
        "name": replica.name,
        "max_age_seconds": round(replica.max_age.total_seconds()),
        "target_age_seconds": round(replica.target_age.total_seconds()),
        "measured_bytes_per_second": None if replica.speed is None else round(replica.speed),
        "bring_by": None if replica.bringing is None else iso(replica.bringing.by),
        "today": _figures_json(replica, replica.today, price),
        "as_asked": None if replica.changed is None else _figures_json(replica, replica.changed, price),
        "by_age": [
            {
                "days": None if bar.age is None else bar.age // timedelta(days=1),
                "seconds": None if bar.age is None else round(bar.age.total_seconds()),
                "bytes": bar.size_bytes,
                "shards": bar.shards,
            }
            for bar in sorted(replica.bars, key=lambda bar: timedelta(-1) if bar.age is None else bar.age)
        ],
    }


def _figures_json(replica: ReplicaPlan, figures: PlanFigures, price: float | None) -> dict[str, object]:
    outlook = figures.outlook
    return {
        "kept": outlook.keeps,
        "verdict": _verdict(replica, figures)[1],
        "bytes": outlook.size_bytes,
        "shards": outlook.shards,
        "budget_bytes": figures.budget_bytes,
        "budget_seconds": None if figures.budget_time is None else round(figures.budget_time.total_seconds()),
        "rate_bytes_per_second": figures.rate,
        "capacity_bytes_a_day": _rounded(outlook.a_day),
        "needed_bytes_a_day": _rounded(outlook.needed_a_day),
        "runs_for_a_pass": outlook.runs,
        "days_for_a_pass": None if outlook.pass_days is None else round(outlook.pass_days, 2),
        "days_to_spare": None if outlook.spare_days is None else round(outlook.spare_days, 2),
        "overdue_shards": outlook.overdue_shards,
        "overdue_bytes": outlook.overdue_bytes,
        "first_broken_at": iso(outlook.breaks_at),
        "bytes_a_month": _rounded(outlook.a_month),
        "cost_a_month": None if price is None else _cost(outlook, price),
        "would_keep_it": None if figures.advice is None else figures.advice.sentence,
    }


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)
