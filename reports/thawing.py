"""What came of asking a provider for files of a cold class."""

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from checks.evidence import Outcome
from reports.words import count, headline, size, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class ThawLine:
    """One asking; numbers of files, each counted once."""

    replica: str
    copies: int
    size_bytes: int  # of these copies; no more is brought back
    days: int
    asked: int  # now
    under_way: int  # asked for before
    readable: int  # nothing had to be asked
    missing: int  # the provider has no such file
    failed: int
    problems: tuple[str, ...]  # the first of those that failed
    shards: int  # that will be read soon


def outcome_of(line: ThawLine) -> Outcome:
    """INCONCLUSIVE if a file could not be asked for: what cannot be asked for is not going to be read."""
    return Outcome.INCONCLUSIVE if line.failed or line.missing else Outcome.PASS


def as_json(line: ThawLine) -> dict[str, object]:
    return {
        "outcome": outcome_of(line).value,
        "replica": line.replica,
        "days": line.days,
        "findings": [],
        "problems": list(line.problems),
        "counts": {
            "copies": line.copies,
            "size_bytes": line.size_bytes,
            "asked": line.asked,
            "under_way": line.under_way,
            "readable": line.readable,
            "missing": line.missing,
            "failed": line.failed,
            "shards": line.shards,
        },
    }


def as_text(line: ThawLine) -> RenderableType:
    where = visible(line.replica)
    parts: list[RenderableType] = [headline(outcome_of(line), _sentence(line, where))]
    for number, words in (
        (line.asked, f"asked for now, to be readable for {count(line.days, 'day')}"),
        (line.under_way, "asked for before, and under way"),
        (line.readable, "in no class that has to be brought back"),
        (line.missing, "not there: an audit says which"),
        (line.failed, "could not be asked for"),
    ):
        if number:
            parts.append(Text(f"  {number:>9,}  {words}"))
    parts += [Text(f"  {visible(problem)}", "dim") for problem in line.problems]
    if line.asked:
        parts.append(
            Text(f"The provider charges for what it brings back and for what is read: {size(line.size_bytes)} at most.")
        )
    if line.shards:
        shards = count(line.shards, "shard")
        parts.append(
            Text(f"{shards} will be read by `preserve serve` or `preserve audit --due` once the files are back.")
        )
    return Group(*parts)


def _sentence(line: ThawLine, where: str) -> str:
    if outcome_of(line) is not Outcome.PASS:
        return f"Not every file on {where} could be asked for."
    if line.asked or line.under_way:
        return f"The provider of {where} brings back {count(line.asked + line.under_way, 'file')}."
    if not line.readable:
        return f"Nothing on {where} was found to need it."
    none = f"None of {count(line.readable, 'file')} on {where} has to be brought back"
    return f"{none}; whether each can be read, an audit tells."
