"""Reading a bag that is to be taken in: once, judged by its own manifests, digested as the inventory keeps it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Evidence, Outcome
from checks.inventory import Entry
from checks.names import show
from checks.ports import Kind
from preserve.bag.tags.info import InfoEntry
from preserve.bag.trees import Tree
from preserve.bag.validating.structure import DATA
from preserve.bag.validating.validation import Validation, Validator
from preserve.bag.walking import walk
from preserve.errors import UndeterminedError
from preserve.progress import Progress
from preserve.stores.local import LocalStore


@dataclass(slots=True, kw_only=True)
class BagRead:
    """What was read.

    Attributes:
        entries: every file in order of path, payload and tag files; not all of them, and in no order, unless the
            bag is complete and valid.
        evidence: the weakest by which any of them was read.
    """

    validation: Validation
    entries: list[Entry] = field(default_factory=list)
    evidence: Evidence = Evidence.READ_MEDIUM

    @property
    def good(self) -> bool:
        """Whether it is a complete and valid bag, every byte of which was read."""
        return self.validation.outcome is Outcome.PASS

    def value(self, label: str) -> str | None:
        """The first value of a label of its bag-info.txt that is not empty."""
        return value_of(self.validation.info, label)


def value_of(info: tuple[InfoEntry, ...] | list[InfoEntry], label: str) -> str | None:
    """The first value of a label that is not empty."""
    return next((entry.value for entry in info if entry.has(label) and entry.value), None)


def read_bag(bag: bytes, *, threads: int, progress: Progress, tree: Tree | None = None) -> BagRead:
    """Reads a bag once: its payload while it is validated, then whatever lies outside the payload.

    Args:
        bag: its folder; only what to call it, where there is a `tree` to read it through.

    Raises:
        UsageError: there is nothing there.
        UndeterminedError: a tag file could not be read, or there is no room in the temporary folder.
    """
    taking = _Taking()
    validator = Validator(bag, threads=threads, progress=progress, taken=taking.take, tree=tree)
    read = BagRead(validation=validator.result(), entries=taking.entries)
    if read.good:
        for reading in _tag_files(LocalStore(bag) if tree is None else tree):
            taking.take(reading)
        read.entries.sort()
        read.evidence = taking.evidence
    return read


class _Taking:
    """Makes entries of an inventory of readings."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.evidence = Evidence.READ_MEDIUM

    def take(self, reading: Reading) -> None:
        self.entries.append(Entry(reading.path, reading.size_bytes, reading.digests["sha256"], reading.segments))
        if reading.evidence < self.evidence:
            self.evidence = reading.evidence


def _tag_files(tree: Tree) -> Iterator[Reading]:
    """Everything outside the payload, whether a tag manifest lists it or not."""
    digester = Digester(("sha256",))
    for seen in walk(tree, b"", skip=DATA):
        if seen.kind is Kind.DIRECTORY and seen.problem is None:
            continue
        if seen.kind is not Kind.FILE or seen.problem is not None:
            raise UndeterminedError(
                f"{show(seen.path)}: {seen.problem or 'not a regular file'}",
                remedy="Take it out of the bag, or make it readable.",
            )
        opener = partial(tree.open, seen.path, past_cache=False)
        reading = digester.read(Wanted(path=seen.path, open=opener, expected_bytes=None, segmented=True))
        if not reading.sound:
            raise UndeterminedError(f"{show(seen.path)}: could not be read ({reading.problem or 'it changed'})")
        yield reading
