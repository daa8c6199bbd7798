"""Validation of a bag (RFC 8493 §3): complete and valid, to the end, with every affected file named."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from checks.digesting import Digester, Pool, Reading
from checks.evidence import Outcome, worst
from checks.findings import Severity
from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.info import InfoEntry, Oxum
from preserve.bag.judging import Tally
from preserve.bag.manifests import grouped
from preserve.bag.ordering import Sorter
from preserve.bag.payload import PayloadCheck
from preserve.bag.pool import LazyPool
from preserve.bag.structure import DATA, Judges, Structure
from preserve.bag.tagcheck import TagCheck
from preserve.bag.tagfiles import cause
from preserve.bag.walking import Seen, walk
from preserve.errors import UndeterminedError, UsageError
from preserve.progress import Progress, Silent
from preserve.stores.local import LocalStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What came of validating one bag. `payload` and `tags` count files; `severities` counts findings."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    version: str
    algorithms: tuple[str, ...]  # of the payload manifests that could be judged
    payload: Tally
    tags: Tally
    severities: dict[str, int]
    info: tuple[InfoEntry, ...] = field(default=(), repr=False)

    @property
    def verdict(self) -> str:
        """The result in a word or two: valid, incomplete (files are missing, nothing else), invalid, …"""
        if self.outcome is Outcome.PASS:
            return "valid"
        if self.outcome is Outcome.INCONCLUSIVE:
            return "not judged"
        codes = {finding.code for finding in self.findings if finding.outcome is Outcome.FAIL}
        if Code.NOT_A_BAG in codes:
            return "not a bag"
        return "incomplete" if codes <= {Code.MISSING, Code.OXUM_MISMATCH, Code.PAYLOAD_FOLDER_MISSING} else "invalid"


def validate(bag: bytes, *, threads: int = 2, progress: Progress | None = None) -> Validation:
    """Validates a bag in a folder and collects what was found; see `Validator` to take findings as they come.

    Raises:
        UsageError: there is nothing at `bag`.
        UndeterminedError: the temporary folder is full (manifests that are not in order are sorted there).
    """
    validator = Validator(bag, threads=threads, progress=progress)
    found = tuple(validator.findings())
    return validator.conclude(found)


class Validator:
    """One validation. `findings` reads; afterwards `conclude` sums up.

    Args:
        bag: the bag's folder.
        threads: how many large files are hashed side by side.
        taken: gets the reading of every payload file that was read soundly, with its SHA-256 and segments, for whoever
            takes the bag in and shall not read it twice.
    """

    def __init__(
        self,
        bag: bytes,
        *,
        threads: int = 2,
        progress: Progress | None = None,
        taken: Callable[[Reading], None] | None = None,
    ) -> None:
        self._taken = taken
        self._bag = os.path.abspath(bag)
        self._threads = threads
        self._progress = progress or Silent()
        self._store = LocalStore(self._bag)
        self._structure = Structure(self._store)
        self._payload = Tally()
        self._tags = Tally()
        self._algorithms: tuple[str, ...] = ()

    def conclude(self, findings: Iterable[Finding]) -> Validation:
        """The result that follows from these findings."""
        found = tuple(findings)
        counted = Counter(finding.severity for finding in found)
        return Validation(
            outcome=worst([Outcome.PASS, *{finding.outcome for finding in found}]),
            findings=found,
            version="{}.{}".format(*self._structure.declared.version),
            algorithms=self._algorithms,
            payload=self._payload,
            tags=self._tags,
            severities={str(severity): counted[severity] for severity in Severity},
            info=tuple(self._structure.info),
        )

    def findings(self) -> Iterator[Finding]:
        """Reads the bag once and yields what is found, to the end."""
        _refuse_nothing(self._bag)
        if not os.path.isdir(self._bag):
            yield Finding(code=Code.NOT_A_BAG, parameters={"why": "it is not a folder"})
            return
        with ExitStack() as held:
            payload, tags = Sorter(), Sorter()
            held.callback(payload.close)
            held.callback(tags.close)
            try:
                self._progress.stage("reading manifests")
                judges = yield from self._structure.read(payload, tags)
                if judges is None:
                    return
                self._payload, self._tags = judges.payload.tally, judges.tags.tally
                self._algorithms = tuple(judges.payload.algorithms)
                pool = held.enter_context(LazyPool(self._threads))
                yield from self._contents(judges, payload, tags, pool)
            except OSError as error:
                raise UndeterminedError(
                    f"{show(self._bag)}: could not be judged: {error.strerror or error}",
                    remedy="Sorting large manifests needs room in the temporary folder (TMPDIR).",
                ) from error

    def _contents(self, judges: Judges, payload: Sorter, tags: Sorter, pool: Pool) -> Iterator[Finding]:
        """The files themselves: the payload, its stated size, then the tag files."""
        stated = self._structure.oxum
        self._progress.stage(
            "reading payload",
            files=None if stated is None else stated.files,
            bytes=None if stated is None else stated.payload_bytes,
        )
        wanted = dict.fromkeys([*judges.payload.algorithms, *([] if self._taken is None else ["sha256"])])
        digester = Digester(tuple(wanted), pool)
        check = PayloadCheck(self._store, judges.payload, digester, self._progress, self._taken)
        yield from check.findings(grouped(payload), self._present(), names_known=judges.names_known)
        yield from self._oxum(judges.payload.tally)
        yield from TagCheck(self._store, self._structure, judges).findings(grouped(tags))

    def _present(self) -> Iterator[Seen]:
        try:
            yield from walk(self._store, DATA)
        except NotFoundError:
            return  # said already: the payload folder is not there
        except StoreError as error:
            yield Seen(DATA, Kind.DIRECTORY, cause(error))

    def _oxum(self, tally: Tally) -> Iterator[Finding]:
        stated = self._structure.oxum
        if stated is None or tally.present_bytes is None:
            return
        seen = Oxum(tally.present_bytes, tally.present)
        if seen != stated:
            yield Finding(
                code=Code.OXUM_MISMATCH,
                file=b"bag-info.txt",
                expected={"payload_bytes": stated.payload_bytes, "files": stated.files},
                observed={"payload_bytes": seen.payload_bytes, "files": seen.files},
                parameters={"oxum": str(stated), "observed_oxum": str(seen)},
            )


def _refuse_nothing(bag: bytes) -> None:
    """UsageError if there is nothing at all; a path that cannot be looked at is told by whoever opens it."""
    try:
        os.lstat(bag)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{show(bag)}: there is nothing there") from error
    except OSError:
        return
