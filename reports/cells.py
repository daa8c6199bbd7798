"""One copy at a glance: its state as it is shown and told, never better than what is known of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from rich.text import Text

from checks.names import show
from reports.rows import CellState, CopyCell, ReplicaLine
from reports.words import age, count, iso

_RANK = {state: rank for rank, state in enumerate(CellState)}
LABELS = {state: state.value for state in CellState} | {
    CellState.UNREAD: "never read",
    CellState.NO_COPY: "no copy",
}
MARKS: Mapping[CellState, tuple[str, str, str]] = {  # mark, style, what it means
    CellState.GOOD: ("✔", "green", "every byte was read in time, nothing is wrong"),
    CellState.ABSENT: ("–", "yellow", "the replica is not there now"),
    CellState.OVERDUE: ("!", "yellow", "not read for longer than promised"),
    CellState.UNREAD: ("○", "red", "some of it was never read"),
    CellState.UNCLEAR: ("?", "yellow", "something could not be read or judged"),
    CellState.NO_COPY: ("·", "dim", "no copy there"),
    CellState.DAMAGED: ("✖", "bold red", "damage was found"),
}


def state_of(cell: CopyCell, replica: ReplicaLine | None, now: datetime, max_age: timedelta) -> CellState:
    """The worst of what the app says and what the cell's own numbers say."""
    if cell.state is CellState.NO_COPY:
        return CellState.NO_COPY
    states = {cell.state}
    if cell.damage:
        states.add(CellState.DAMAGED)
    if cell.undetermined:
        states.add(CellState.UNCLEAR)
    if cell.oldest_read_at is None:
        states.add(CellState.UNREAD)
    elif not timedelta(0) <= now - cell.oldest_read_at <= max_age:
        states.add(CellState.OVERDUE)  # a time in the future is a clock that was set back, not a fresh reading
    if replica is not None and replica.available is False:
        states.add(CellState.ABSENT)
    return max(states, key=_RANK.__getitem__)


def as_text(cell: CopyCell | None, state: CellState, now: datetime) -> Text:
    """`✔ good 3 h`."""
    mark, style, _ = MARKS[state]
    if cell is None or state is CellState.NO_COPY:
        return Text(f"{mark} {LABELS[state]}", style)
    if state is CellState.UNREAD:
        return _with_warnings(Text(f"{mark} {LABELS[state]}", style), cell)
    text = Text(f"{mark} {LABELS[state]}", style)
    if cell.oldest_read_at is None:
        text.append(", never read", "red")
    else:
        text.append(f" {age(cell.oldest_read_at, now)}", "" if state is CellState.GOOD else style)
    return _with_warnings(text, cell)


def _with_warnings(text: Text, cell: CopyCell) -> Text:
    return text.append(f"\n  {count(cell.warnings, 'warning')}", "yellow") if cell.warnings else text


def as_json(cell: CopyCell, state: CellState) -> dict[str, object]:
    return {
        "replica": cell.replica,
        "state": state.value,
        "oldest_read_at": iso(cell.oldest_read_at),
        "evidence": cell.evidence,
        "findings": {"damage": cell.damage, "undetermined": cell.undetermined, "warnings": cell.warnings},
        "files": cell.files,
        "location": show(cell.location),
    }
