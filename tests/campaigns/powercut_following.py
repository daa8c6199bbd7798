"""Recorded calls, done again on a model of the disk."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.campaigns.powercut_disk import Entry, Folder
from tests.campaigns.powercut_files import File
from tests.campaigns.powercut_names import Names, Numbers, Opened, Spot
from tests.campaigns.powercut_recording import Call, Unfollowed


@dataclass(slots=True)
class Follower(Names):
    """Does the calls of one command, begun in the folder `here`, on the disk."""

    here: bytes
    _first: Numbers = field(init=False)
    _threads: dict[int, Numbers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._first = Numbers({}, Opened(None, self.here))

    def take(self, call: Call) -> bool:
        """Does one call; whether it changed anything on the disk, or made something durable."""
        does: Callable[[Call, Numbers], None] | None = getattr(self, f"_{call.name}", None)
        if does is None:
            raise Unfollowed(f"a call that is not modelled: {call}")
        before, self.disk.now = self.disk.changes, call.ended
        does(call, self._threads.setdefault(call.thread, self._first))
        return self.disk.changes != before

    # --- opening and closing --------------------------------------------------------------------------------------

    def _open_with(self, call: Call, numbers: Numbers, at: int | None, name: int, flags: str) -> None:
        if "O_TMPFILE" in flags:
            raise Unfollowed(f"a file without a name: {call}")
        spot = self.spot(call, numbers, at, name)
        if spot is None:
            outside = os.path.join(self.base(call, numbers, at).path, call.text(name))
            numbers.opened[call.result] = Opened(None, outside)
            return
        node = spot.node
        if node is None:
            if "O_CREAT" not in flags:
                raise Unfollowed(f"a file that the model does not have: {call}")
            node = self.disk.add(spot.folder, spot.name, File())
        elif "O_TRUNC" in flags:
            self.disk.write(node, 0, None)
        numbers.opened[call.result] = Opened(node, b"", appends="O_APPEND" in flags)

    def _openat(self, call: Call, numbers: Numbers) -> None:
        self._open_with(call, numbers, 0, 1, call.arguments[2])

    _openat2 = _openat

    def _open(self, call: Call, numbers: Numbers) -> None:
        self._open_with(call, numbers, None, 0, call.arguments[1])

    def _creat(self, call: Call, numbers: Numbers) -> None:
        self._open_with(call, numbers, None, 0, "O_CREAT|O_TRUNC")

    def _close(self, call: Call, numbers: Numbers) -> None:
        numbers.opened.pop(call.number(0), None)

    def _close_range(self, call: Call, numbers: Numbers) -> None:
        first, last = call.number(0), call.number(1)
        for number in [number for number in numbers.opened if first <= number <= last]:
            del numbers.opened[number]

    def _dup(self, call: Call, numbers: Numbers) -> None:
        numbers.opened[call.result] = self.opened(numbers, call.number(0))

    _dup2 = _dup3 = _dup

    def _fcntl(self, call: Call, numbers: Numbers) -> None:
        if "F_DUPFD" in call.arguments[1]:
            self._dup(call, numbers)

    def _lseek(self, call: Call, numbers: Numbers) -> None:
        self.opened(numbers, call.number(0)).position = call.result

    def _chdir(self, call: Call, numbers: Numbers) -> None:
        spot = self.spot(call, numbers, None, 0)
        numbers.here = (
            Opened(None, os.path.join(numbers.here.path, call.text(0))) if spot is None else Opened(spot.node, b"")
        )

    def _fchdir(self, call: Call, numbers: Numbers) -> None:
        numbers.here = self.opened(numbers, call.number(0))

    def _clone(self, call: Call, numbers: Numbers) -> None:
        shares = any("CLONE_FILES" in argument for argument in call.arguments)
        self._threads[call.result] = numbers if shares else numbers.copy()

    _clone3 = _fork = _vfork = _clone

    # --- bytes ----------------------------------------------------------------------------------------------------

    def _write(self, call: Call, numbers: Numbers) -> None:
        node, opened = self.node(call, numbers), self.opened(numbers, call.number(0))
        if node is not None:
            at = len(self.disk.file(node).live) if opened.appends else opened.position
            self.disk.write(node, at, call.text(1)[: call.result])
            opened.position = at + call.result

    _writev = _write

    def _pwrite64(self, call: Call, numbers: Numbers) -> None:
        if (node := self.node(call, numbers)) is not None:
            self.disk.write(node, call.number(3), call.text(1)[: call.result])

    _pwritev = _pwritev2 = _pwrite64

    def _truncate(self, call: Call, numbers: Numbers) -> None:
        spot = self.spot(call, numbers, None, 0)
        if spot is not None and spot.node is not None:
            self.disk.write(spot.node, call.number(1), None)

    def _ftruncate(self, call: Call, numbers: Numbers) -> None:
        if (node := self.node(call, numbers)) is not None:
            self.disk.write(node, call.number(1), None)

    def _fallocate(self, call: Call, numbers: Numbers) -> None:
        node = self.node(call, numbers)
        if node is None:
            return
        if call.arguments[1] != "0":
            raise Unfollowed(f"a way of allocating that is not modelled: {call}")
        end = call.number(2) + call.number(3)
        if end > len(self.disk.file(node).live):
            self.disk.write(node, end, None)

    def _mmap(self, call: Call, numbers: Numbers) -> None:
        if (
            "MAP_SHARED" in call.arguments[3]
            and "PROT_WRITE" in call.arguments[2]
            and self.node(call, numbers, 4) is not None
        ):
            raise Unfollowed(f"a file that is written through a mapping: {call}")

    def _copy_file_range(self, call: Call, numbers: Numbers) -> None:
        if self.node(call, numbers, 2) is not None:
            raise Unfollowed(f"a copy made by the kernel: {call}")

    _splice = _copy_file_range

    def _sendfile(self, call: Call, numbers: Numbers) -> None:
        if self.node(call, numbers) is not None:
            raise Unfollowed(f"a copy made by the kernel: {call}")

    # --- flushing -------------------------------------------------------------------------------------------------

    def _fsync(self, call: Call, numbers: Numbers) -> None:
        if (node := self.node(call, numbers)) is not None:
            self.disk.flush(node, call.begun)

    _fdatasync = _fsync

    def _syncfs(self, call: Call, numbers: Numbers) -> None:
        if self.node(call, numbers) is not None:
            self.disk.flush_all(call.begun)

    def _sync(self, call: Call, numbers: Numbers) -> None:
        self.disk.flush_all(call.begun)

    # --- entries --------------------------------------------------------------------------------------------------

    def _mkdir(self, call: Call, numbers: Numbers, at: int | None = None, name: int = 0) -> None:
        if spot := self.spot(call, numbers, at, name):
            self.disk.add(spot.folder, spot.name, Folder())

    def _mkdirat(self, call: Call, numbers: Numbers) -> None:
        self._mkdir(call, numbers, 0, 1)

    def _unlink(self, call: Call, numbers: Numbers, at: int | None = None, name: int = 0) -> None:
        if spot := self.spot(call, numbers, at, name):
            self.disk.change(Entry(spot.folder, spot.name, None))

    _rmdir = _unlink

    def _unlinkat(self, call: Call, numbers: Numbers) -> None:
        self._unlink(call, numbers, 0, 1)

    def _move(self, call: Call, old: Spot | None, new: Spot | None, *, exchange: bool = False) -> None:
        if old is None and new is None:
            return
        if old is None or new is None:
            raise Unfollowed(f"a rename into the recorded folder or out of it: {call}")
        there = new.node if exchange else None
        self.disk.change(Entry(old.folder, old.name, there), Entry(new.folder, new.name, old.node))

    def _rename(self, call: Call, numbers: Numbers) -> None:
        self._move(call, self.spot(call, numbers, None, 0), self.spot(call, numbers, None, 1))

    def _renameat(self, call: Call, numbers: Numbers) -> None:
        exchange = len(call.arguments) > 4 and "RENAME_EXCHANGE" in call.arguments[4]
        old, new = self.spot(call, numbers, 0, 1), self.spot(call, numbers, 2, 3)
        self._move(call, old, new, exchange=exchange)

    _renameat2 = _renameat

    def _linked(self, call: Call, old: Spot | None, new: Spot | None) -> None:
        if new is not None:
            if old is None:
                raise Unfollowed(f"a link to a file outside: {call}")
            self.disk.change(Entry(new.folder, new.name, old.node))

    def _link(self, call: Call, numbers: Numbers) -> None:
        self._linked(call, self.spot(call, numbers, None, 0), self.spot(call, numbers, None, 1))

    def _linkat(self, call: Call, numbers: Numbers) -> None:
        self._linked(call, self.spot(call, numbers, 0, 1), self.spot(call, numbers, 2, 3))

    def _symlink(self, call: Call, numbers: Numbers) -> None:
        if self.spot(call, numbers, None, 1):
            raise Unfollowed(f"a symbolic link: {call}")

    def _symlinkat(self, call: Call, numbers: Numbers) -> None:
        if self.spot(call, numbers, 1, 2):
            raise Unfollowed(f"a symbolic link: {call}")
