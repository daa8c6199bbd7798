"""What a store may be able to do besides what every one must: small protocols, asked for with `isinstance`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from preserve.stores.port import Sink


@runtime_checkable
class Renaming(Protocol):
    """It can rename, without writing anything again."""

    def rename(self, source: bytes, target: bytes) -> None:
        """A file, or a folder with all in it; ExistsError if anything stands at `target`. Durable when it returns."""
        ...


@runtime_checkable
class Replacing(Protocol):
    """It can put a new file in the place of one, with no moment in between, if that is still the one that was seen."""

    def replacing(
        self, path: bytes, token: object, *, size_bytes: int | None = None, sha256: bytes | None = None
    ) -> AbstractContextManager[Sink]:
        """Like `create`, over the file whose `Stat.token` is given; StoreError(cause="changed") if it is another."""
        ...


@runtime_checkable
class Resuming(Protocol):
    """A file that was cut off while it was written can be gone on with."""

    def written(self, path: bytes) -> int:
        """Of an unfinished file of ours at that path, how many bytes need not be given again; 0 if there is none."""
        ...

    def resume(
        self, path: bytes, offset: int, *, size_bytes: int, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> AbstractContextManager[Sink]:
        """Like `create`, from `offset` (as `written` said) on."""
        ...


@runtime_checkable
class GivingUp(Protocol):
    """What there is of files that were cut off stands under no name, and so is not taken away with the others."""

    def give_up(self, root: bytes) -> int:
        """Takes away what there is of unfinished files below a folder; of how many."""
        ...


@runtime_checkable
class Refusing(Protocol):
    """It looks before it writes; whether the other side, too, keeps from writing over a file, can be tried."""

    def refuses_overwriting(self, trial: bytes, content: bytes) -> bool:
        """Whether the other side itself refuses a new file where one of ours stands, as it is asked to.

        Where it does not, two programs that write at the same moment may each believe that the file is theirs.

        Args:
            trial: a file made to be tried with (see `preserve.stores.trial_names`); ValueError if it is another.
            content: the file's, which is what is written over it.
        """
        ...


@runtime_checkable
class Sizing(Protocol):
    """Its listings know how large files are, without a question for each."""

    def sizes(self, root: bytes) -> Iterator[tuple[bytes, int]]:
        """All regular files below `root`, relative to it, with their sizes in bytes; raises what `listing` does."""
        ...


class Versioning(StrEnum):
    ON, SUSPENDED, OFF, UNKNOWN = "on", "suspended", "off", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What keeps deleted and changed files there. `lock`: words of the provider's rule, empty if there is none."""

    versioning: Versioning
    lock: str = ""
    why_unknown: str = ""


@runtime_checkable
class Versioned(Protocol):
    """The provider can keep older versions of what is changed or deleted."""

    def protection(self) -> Protection: ...


class Thaw(StrEnum):
    READABLE = "readable"  # nothing had to be asked
    ASKED = "asked"
    UNDER_WAY = "under-way"


@runtime_checkable
class Thawing(Protocol):
    """Some of its files may have to be brought back before they can be read."""

    def thaw(self, path: bytes, days: int) -> Thaw:
        """Asks that a file can be read for so many days."""
        ...
