"""What the names and numbers in recorded calls mean: open files, and places in the recorded folder."""

import os
from dataclasses import dataclass
from typing import NamedTuple

from tests.campaigns.powercut_disk import TOP, Disk
from tests.campaigns.powercut_recording import Call, Unfollowed

# SQLite writes its -shm through a mapping, which no call tells of. It is an index of the -wal, made anew by whoever
# opens the catalog first: so it is no part of the model, and no state has one.
LEFT_OUT = b"-shm"


@dataclass(slots=True)
class Opened:
    """An open file, which several numbers may mean. `node` is None outside of the recorded folder."""

    node: int | None
    path: bytes  # of what lies outside, as far as it is known
    appends: bool = False
    position: int = 0


@dataclass(slots=True)
class Numbers:
    """What a process has open. Its threads share it."""

    opened: dict[int, Opened]
    here: Opened

    def copy(self) -> "Numbers":
        return Numbers(dict(self.opened), self.here)


class Spot(NamedTuple):
    """A name in a folder, and what stands there now."""

    folder: int
    name: bytes
    node: int | None


@dataclass(slots=True)
class Names:
    """Finds things on `disk`, which models the folder `top`."""

    disk: Disk
    top: bytes

    def spot(self, call: Call, numbers: Numbers, at: int | None, name: int) -> Spot | None:
        """What a path argument means, from the folder that argument `at` is open for; None if it lies outside."""
        path = call.text(name)
        base = self.base(call, numbers, at)
        if base.node is not None and not path.startswith(b"/"):
            start, parts = base.node, [part for part in path.split(b"/") if part not in (b"", b".")]
        else:
            full = os.path.normpath(os.path.join(base.path, path))
            if full != self.top and not full.startswith(self.top + b"/"):
                return None
            start, parts = TOP, full[len(self.top) + 1 :].split(b"/") if full != self.top else []
        if b".." in parts:
            raise Unfollowed(f"a path that goes up: {call}")
        if not parts:
            return Spot(start, b"", start)
        if parts[-1].endswith(LEFT_OUT):
            return None
        folder = self.disk.find(start, parts[:-1])
        if folder is None:
            raise Unfollowed(f"a path through a folder that the model does not have: {call}")
        return Spot(folder, parts[-1], self.disk.find(folder, parts[-1:]))

    def base(self, call: Call, numbers: Numbers, at: int | None) -> Opened:
        """The folder from which a path argument goes."""
        if at is None or call.arguments[at] == "AT_FDCWD":
            return numbers.here
        return self.opened(numbers, call.number(at))

    def opened(self, numbers: Numbers, number: int) -> Opened:
        return numbers.opened.get(number) or Opened(None, b"/nowhere")

    def node(self, call: Call, numbers: Numbers, argument: int = 0) -> int | None:
        """What of the recorded folder an argument is open for; None if it lies outside."""
        return self.opened(numbers, call.number(argument)).node
