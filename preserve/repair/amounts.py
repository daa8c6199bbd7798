"""How much a repair has to read and to write, as far as that is known beforehand, and how much of it is done."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from checks.names import show
from preserve.catalog.catalog import Catalog
from preserve.progress import Forwarding, Progress
from preserve.repair.planning import Method, Step

# How often a file's bytes pass: read as they are, written, read back, digested once set aside, read in their place.
_PASSES = {Method.REPLACE: 5, Method.WRITE: 3, Method.RENAME_BACK: 2, Method.SEGMENTS: 2}
_COPIED = 2  # written, and read back


def bytes_of(catalog: Catalog, step: Step, *, applied: bool) -> int:
    """Of one step; only looked into, its good bytes are read once."""
    if step.entry is not None:
        return step.entry.size_bytes * (_PASSES.get(step.method, 0) if applied else 1)
    if applied and step.method is Method.COPY_AGAIN:
        return _COPIED * sum(shard.bytes_to_read for shard in catalog.shards(step.copy.inventory_id))
    return 0


class Steps(Forwarding):
    """A progress that names what each step is at. What a step did in truth takes the place of what was guessed."""

    def __init__(self, catalog: Catalog, progress: Progress) -> None:
        super().__init__(progress)
        self._catalog = catalog
        self._lock = threading.Lock()
        self._replica = ""
        self._done = 0
        self._expected = 0

    def begin(self, name: str, steps: Iterable[Step], *, applied: bool) -> None:
        """The stage of these steps."""
        sizes, number = Counter[str](), 0
        for step in steps:
            sizes[step.copy.replica] += bytes_of(self._catalog, step, applied=applied)
            number += 1
        self._progress.stage(name, files=number, bytes=sum(sizes.values()), replicas=sizes)

    @contextmanager
    def at_step(self, step: Step, *, applied: bool) -> Iterator[None]:
        with self._lock:
            self._replica = step.copy.replica
            self._done, self._expected = 0, bytes_of(self._catalog, step, applied=applied)
        where = "" if step.path is None else f", {show(step.path)}"
        self._progress.at(f"{step.copy.package} on {step.copy.replica}{where}")
        try:
            yield
        finally:
            self._progress.expect(self._done - self._expected, replica=self._replica)
            self._progress.advance(files=1, replica=self._replica)
            self._replica = ""

    def count(self, bytes: int) -> None:
        """So many bytes were read or written for the step in hand."""
        self.advance(bytes=bytes, replica=self._replica)

    def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None:
        with self._lock:
            self._done += bytes
        super().advance(files=files, bytes=bytes, replica=replica)

    def expect(self, bytes: int, *, replica: str = "") -> None:
        with self._lock:
            self._expected += bytes
        super().expect(bytes, replica=replica)
