"""Asking a provider to bring back what lies in a cold class, so that it can be read."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from checks.findings import Code
from checks.policy import Wanted
from checks.ports import NotFoundError, StoreError, UnavailableError
from preserve.app.workspace import Workspace, operator, presence
from preserve.catalog.rows import CopyRow, ReplicaRow
from preserve.errors import UndeterminedError, UsageError
from preserve.executors.threads import Pool
from preserve.progress import Progress
from preserve.stores.capabilities import Thaw, Thawing
from preserve.stores.providers import thawing_of
from reports.thawing import ThawLine
from reports.words import visible

THAW_ASKED = "thaw-asked"  # kind of the journal's links
_AHEAD = 4  # questions waiting for each thread
_PROBLEMS_TOLD = 20


def thaw(
    workspace: Workspace,
    name: str,
    packages: tuple[str, ...],
    *,
    days: int,
    progress: Progress,
    found_only: bool = False,
) -> ThawLine:
    """Asks for every file of the copies on a replica; copies with anything on its way are to be read soon.

    Args:
        days: for how long the files can be read, once they are back.
        found_only: only for the files that an audit found not readable now.

    Raises:
        UsageError: nothing there is ever brought back, or there is no copy.
        UndeterminedError: the replica is not there.
    """
    (replica,) = workspace.replicas((name,))
    store = workspace.stores().get(replica.id)
    thawing = thawing_of(store)
    if thawing is None:
        raise UsageError(
            f"what lies on {name} needs no thawing: it is no bucket, and can be read as it is",
            remedy="Read it: preserve audit.",
        )
    there = presence(store, replica)
    if not there.there:
        raise UndeterminedError(f"the replica {name} is not there: {there.why_not}", remedy="Nothing was asked.")
    asked = workspace.packages(packages)
    copies = workspace.catalog.copies([package.id for package in asked], [replica.id])
    without = {package.identifier for package in asked} - {copy.package for copy in copies}
    if packages and copies and without:
        raise UsageError(
            f"there is no copy of {', '.join(map(visible, sorted(without)))} on {name}; nothing was asked",
            remedy="Leave it out, or place it with `preserve replicate` first.",
        )
    if not copies:
        raise UsageError(
            f"there is no copy of them on {name}", remedy="Place packages with `preserve replicate` first."
        )
    shards_there = [shard for copy in copies for shard in workspace.catalog.shards(copy.inventory_id)]
    progress.stage("asking", files=None if found_only else sum(shard.files for shard in shards_there))
    asking, shards = _Asking(thawing, days, progress, name), 0
    counts = asking.counts
    try:
        asking.run(_paths(workspace, copies, found_only=found_only), getattr(store, "in_flight", 1))
    except UnavailableError as error:
        raise UndeterminedError(
            f"the replica {name} went away: {error.cause or error}", remedy="Ask again: what is under way goes on."
        ) from error
    finally:  # what was asked was asked, however this ends
        at = workspace.clock()
        if counts:
            workspace.catalog.record_of_itself(THAW_ASKED, _body(replica, copies, days, counts), at)
        if asking.on_its_way:
            by = operator()
            shards = workspace.catalog.ask_reading(sorted(asking.on_its_way), Wanted.ASKED, by, at)
    return ThawLine(
        replica=name,
        copies=len(copies),
        size_bytes=sum(shard.bytes_to_read for shard in shards_there),
        days=days,
        asked=counts[Thaw.ASKED],
        under_way=counts[Thaw.UNDER_WAY],
        readable=counts[Thaw.READABLE],
        missing=counts["missing"],
        failed=counts["failed"],
        problems=tuple(asking.problems),
        shards=shards,
    )


class _Asking:
    """One question a file, several at once."""

    def __init__(self, thawing: Thawing, days: int, progress: Progress, replica: str) -> None:
        self._thawing = thawing
        self._days = days
        self._progress = progress
        self._replica = replica
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.on_its_way: set[int] = set()  # copies

    def run(self, paths: Iterator[tuple[int, bytes]], at_once: int) -> None:
        """UnavailableError ends it: then no file can be asked for."""
        pool = Pool(max(1, at_once), "thaw")
        waiting: deque[tuple[int, Future[str]]] = deque()
        try:
            for copy_id, path in paths:
                waiting.append((copy_id, pool.submit(self._ask, path)))
                if len(waiting) >= pool.threads * _AHEAD:
                    self._take(*waiting.popleft())
            while waiting:
                self._take(*waiting.popleft())
        finally:
            pool.end(None)

    def _ask(self, path: bytes) -> str:
        try:
            return self._thawing.thaw(path, self._days)
        except NotFoundError:
            return "missing"
        except UnavailableError:
            raise
        except StoreError as error:
            if len(self.problems) < _PROBLEMS_TOLD:
                self.problems.append(str(error))
            return "failed"

    def _take(self, copy_id: int, future: Future[str]) -> None:
        answer = future.result()
        self.counts[answer] += 1
        if answer in (Thaw.ASKED, Thaw.UNDER_WAY):
            self.on_its_way.add(copy_id)
        self._progress.advance(files=1, replica=self._replica)


def _paths(workspace: Workspace, copies: Sequence[CopyRow], *, found_only: bool) -> Iterator[tuple[int, bytes]]:
    """(copy, path from the replica's root) of each file once."""
    catalog = workspace.catalog
    if found_only:
        ids = {copy.id: copy for copy in copies}
        rows = catalog.findings(sorted({copy.package_id for copy in copies}), [copies[0].replica_id])
        for row in rows:
            if row.finding.code is Code.NOT_READABLE_NOW and row.finding.path and row.copy_id in ids:
                yield row.copy_id, ids[row.copy_id].location + b"/" + row.finding.path
        return
    for copy in copies:
        for shard in catalog.shards(copy.inventory_id):
            for path in catalog.record(shard.id).first_paths():
                yield copy.id, copy.location + b"/" + path


def _body(replica: ReplicaRow, copies: Sequence[CopyRow], days: int, counts: Counter[str]) -> dict[str, object]:
    return {
        "replica": str(replica.uuid),
        "packages": sorted({copy.package for copy in copies}),
        "days": days,
        "asked": counts[Thaw.ASKED],
        "under_way": counts[Thaw.UNDER_WAY],
        "readable": counts[Thaw.READABLE],
        "missing": counts["missing"],
        "failed": counts["failed"],
        "by": operator(),
    }
