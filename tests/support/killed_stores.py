"""A process that is killed at the nth thing it asks of a store, over and over, for every n."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from preserve.stores.identity import Identity
from preserve.stores.memory import MemoryBucket, MemoryDisk
from preserve.stores.rooms.locking import Terms
from preserve.stores.rooms.replica import RemoteReplica

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
REPLICA = "5e0c1f6e-0000-4000-8000-000000000001"
CATALOG = UUID("5e0c1f6e-0000-4000-8000-0000000000ca")
KINDS = (MemoryDisk, MemoryBucket)
Memory = MemoryDisk | MemoryBucket


class Killed(BaseException):
    """Not an error: nobody catches it."""


@dataclass
class Clock:
    now: datetime = AT

    def __call__(self) -> datetime:
        return self.now


LONG_DEAD = "here:0:0"


class Process:
    """One run of the program: its name stands in the locks it makes; `dead` tells which others have ended."""

    def __init__(
        self, store: Memory, clock: Clock, name: str = "here:1:1", dead: tuple[str, ...] = (LONG_DEAD,)
    ) -> None:
        self.terms = Terms(
            holds_for=timedelta(minutes=15),
            renewed_every=None,
            clock=clock,
            holder=lambda: name,
            dead=lambda holder: holder in dead,
        )
        self.replica = RemoteReplica(store, terms=self.terms)


def new_store(kind: type[Memory]) -> Memory:
    """An empty replica with an identity."""
    store = kind()
    RemoteReplica(store).write_identity(Identity(uuid=REPLICA, name="abroad"), AT)
    return store


def each_kill(
    make: Callable[[], Memory], work: Callable[[RemoteReplica], object]
) -> Iterator[tuple[Memory, RemoteReplica]]:
    """For each thing that the work asks of a new store: killed just there, the store and the next process.

    The last one yielded was not killed at all.
    """
    number, killed = 0, True
    while killed:
        store = make()
        killed = _killed_at(store, number, work)
        yield store, Process(store, Clock(), "here:2:2", dead=(LONG_DEAD, "here:1:1")).replica
        number += 1


def _killed_at(store: Memory, number: int, work: Callable[[RemoteReplica], object]) -> bool:
    left = number

    def hook(what: str, path: bytes) -> None:
        nonlocal left
        if left <= 0:
            raise Killed  # and nothing more is done: the process is gone
        left -= 1

    store.hook = hook
    try:
        work(Process(store, Clock()).replica)
    except Killed:
        return True
    finally:
        store.hook = lambda what, path: None
    return False
