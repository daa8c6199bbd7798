"""What is due: pure rules over times. The catalog answers the query; here is what is asked of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar


class Sized(Protocol):
    @property
    def bytes_to_read(self) -> int: ...


Item = TypeVar("Item", bound=Sized)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """`max_age` is what is promised; `target_age`, never longer, is what is aimed at so that the promise holds."""

    max_age: timedelta
    target_age: timedelta

    def due_before(self, now: datetime) -> datetime:
        """What was last read before this is due; there is no lower bound, so nothing overdue can fall out."""
        return now - self.target_age

    def overdue_before(self, now: datetime) -> datetime:
        """What was last read before this breaks the promise."""
        return now - self.max_age


@dataclass(frozen=True, slots=True, kw_only=True)
class MassChange:
    """When a copy differs in so much that repair must wait for a person: ransomware, a wrong mount, a wiped disk.

    Attributes:
        share: of the copy's files, above which it is mass change; 0 to 1.
        least_files: fewer changed files than this are never mass change.
    """

    share: float = 0.5
    least_files: int = 20

    def shown(self, changed: int, files: int) -> bool:
        """Whether so many changed files of so many are mass change."""
        return changed >= self.least_files and changed > self.share * files


def within_budget(items: Iterable[Item], budget_bytes: int | None) -> Iterator[Item]:
    """The first items, in the order given, up to a budget; at least one, so that a shard larger than it is read too."""
    spent = 0
    for item in items:
        if budget_bytes is not None and spent and spent + item.bytes_to_read > budget_bytes:
            return
        spent += item.bytes_to_read
        yield item
