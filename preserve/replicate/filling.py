"""Filling a staging until what was written reads back good: shared by whoever makes a whole copy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from checks.findings import Code
from preserve.catalog.rows import CheckResult
from preserve.replicate.copying import Unfilled, failures
from preserve.stores.port import Staging


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What was staged, as it read back.

    Attributes:
        unfilled: what no source could give; nothing is staged of it.
        checks: of all that was wanted, shard by shard: what is unfilled is missing there.
        bad: what was written and does not read back good; it is staged still.
    """

    unfilled: Sequence[Unfilled]
    checks: list[CheckResult]
    bad: frozenset[bytes]


def filled(
    staging: Staging, fill: Callable[[], Sequence[Unfilled]], read_back: Callable[[], list[CheckResult]]
) -> Filled:
    """Fills and reads back; what does not read back is taken away, written once more and read back again.

    Args:
        fill: writes what is not staged yet, and gives what it could not; what it raises ends it.
    """
    once = _round(fill, read_back)
    if not once.bad:
        return once
    for path in once.bad:
        staging.discard(path)
    return _round(fill, read_back)


def _round(fill: Callable[[], Sequence[Unfilled]], read_back: Callable[[], list[CheckResult]]) -> Filled:
    unfilled = fill()
    checks = read_back()
    # The path of a folder that could not be listed is no file's: there is nothing to take away, or to write again.
    found = {f.path for f in failures(checks) if f.path is not None and f.code is not Code.LISTING_INCOMPLETE}
    return Filled(unfilled=unfilled, checks=checks, bad=frozenset(found - {one.path for one in unfilled}))
