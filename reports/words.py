"""Small words of all reports: ages, sizes, counts, names made showable, marks that never speak by colour alone."""

from datetime import UTC, datetime, timedelta

from rich.text import Text

from checks.evidence import Outcome
from checks.names import show
from checks.verdicts import Verdict

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")

# mark, style
VERDICTS: dict[Verdict, tuple[str, str]] = {
    Verdict.INTACT: ("✔", "green"),
    Verdict.UNDER_REPLICATED: ("▲", "yellow"),
    Verdict.UNKNOWN: ("?", "yellow"),
    Verdict.DEGRADED: ("✖", "red"),
    Verdict.LOST: ("✖", "bold white on red"),
}
OUTCOMES: dict[Outcome, tuple[str, str]] = {
    Outcome.PASS: ("✔", "green"),
    Outcome.FAIL: ("✖", "bold red"),
    Outcome.INCONCLUSIVE: ("?", "bold yellow"),
}


def visible(text: str) -> str:
    """Text from outside as it may be shown. Backslashes stay: codes in it may already be ours."""
    if text.isprintable():
        return text
    return "".join(
        character if character == "\\" else show(character.encode("utf-8", "surrogateescape")) for character in text
    )


def name(path: bytes | None) -> str:
    return "" if path is None else show(path)


def age(at: datetime | None, now: datetime) -> str:
    """`3 h`, `12 d`, `never`."""
    if at is None:
        return "never"
    return length(now - at)


def ago(at: datetime | None, now: datetime) -> str:
    """`3 h ago`, `never`, `in the future`."""
    told = age(at, now)
    return told if at is None or at > now else f"{told} ago"


def length(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 0:
        return "in the future"  # a clock that was set back must not look fresh
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 86_400} d"


def within(span: timedelta) -> str:
    """Like `length`, rounded up: what was read 2 h 50 min ago was read within 3 h, not within 2 h."""
    for unit in (timedelta(days=2), timedelta(minutes=60), timedelta(seconds=60)):
        if span >= unit:
            step = timedelta(days=1) if unit.days else unit
            return length(step * -(-span // step))
    return length(span)


def size(size_bytes: int) -> str:
    """Decimal units, three figures: `1.23 GB`."""
    value, unit = float(size_bytes), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{size_bytes} B" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 file`, `1,204 files`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def iso(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with Z, to the second."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def verdict(value: Verdict) -> Text:
    mark, style = VERDICTS[value]
    return Text(f"{mark} {value.value}", style)


def headline(outcome: Outcome, sentence: str) -> Text:
    mark, style = OUTCOMES[outcome]
    return Text.assemble((f"{mark} {sentence}", style))


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
