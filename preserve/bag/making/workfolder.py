"""The folder of ours in which a bag comes to be: its lock, and what a rerun must know."""

import json
import os
import stat as modes
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from checks.names import show
from preserve.bag.making.layout import LOCK, STATE, Layout, is_of_the_beginning
from preserve.bag.making.opening import to_read
from preserve.bag.making.request import BagRequest
from preserve.bag.making.survey import listed
from preserve.bag.tags import declaration
from preserve.errors import UsageError
from preserve.stores.durable import sync_directory, write_durably, writing
from preserve.stores.locking import locked
from preserve.stores.looking import stands

_STATE_BYTES = 1 << 20
_TAKE_OUT = "Take out what is yours, or rename it, and run the same command again."


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What stays the same from the first run to the last.

    Attributes:
        sources: what is bagged, in order; others must not go on in the same folder.
        inode: that of the first, by which a folder is known when its disk is mounted elsewhere.
        algorithms: whose digests stand in the log.
        uuid: the package's.
        tags: the tag files of this run and all before it, from the bag's root: what may be deleted to write it anew.
    """

    sources: tuple[bytes, ...]
    inode: int
    algorithms: tuple[str, ...]
    uuid: UUID
    started_at: datetime
    tags: tuple[bytes, ...]
    choices: str = ""  # of the run that began last; see `preserve.bag.making.request.BagRequest.choices`


class WorkFolder:
    """A folder of ours. Nothing in it is ever called `bagit.txt` before all else is done."""

    def __init__(self, path: bytes, layout: Layout) -> None:
        self.path = path
        self._layout = layout

    def __contains__(self, name: bytes) -> bool:
        return stands(self.at(name))

    def at(self, *names: bytes) -> bytes:
        """The path of something in it."""
        return os.path.join(self.path, *names)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes it if need be and keeps every other process out; UsageError if one is in it."""
        busy = f"{show(self.path)}: another `preserve bag` is at work here"
        remedy = "Let it end. If it was stopped, run the same command again; it goes on."
        with locked(self.at(LOCK), busy=busy, remedy=remedy, make=True):
            yield

    def refuse_foreign(self, sources: Sequence[bytes]) -> None:
        """UsageError unless there is nothing yet, or what `preserve bag` itself began for these sources.

        Touches nothing.
        Ours is a folder that holds only names that we write and a valid state; before there is a state, only the lock.
        """
        with writing(self.path):
            try:
                found = os.lstat(self.path)
            except (FileNotFoundError, NotADirectoryError):
                return
            if not modes.S_ISDIR(found.st_mode):
                kind = "a symbolic link" if modes.S_ISLNK(found.st_mode) else "a file"
                raise UsageError(
                    f"{show(self.path)}: {kind} stands where `preserve bag` keeps its own work; nothing was touched",
                    remedy="Rename it, or take it out, and run the same command again.",
                )
        names = self._refuse_unknown()
        state = self.state()
        if state is None:
            begun = [name for name in names if not is_of_the_beginning(name)]
            if begun:
                raise self._not_ours(begun, f"there is no valid {STATE.decode()} with it")
        elif state.sources != _in_order(sources) and not self._is_moved(state, sources):
            raise UsageError(
                f"{show(self.path)}: holds the beginning of a bag of another source, "
                + listed([show(source) for source in state.sources]),
                remedy="Finish that one. Look into this folder before you delete it: a bag that is made in place keeps "
                "files of the source there, in data/.",
            )

    def _is_moved(self, state: State, sources: Sequence[bytes]) -> bool:
        """Whether it lies in the only source, which is now found at another place."""
        alone = len(sources) == len(state.sources) == 1 and os.path.dirname(self.path) == sources[0]
        return alone and state.inode == _inode(sources[0])

    def _refuse_unknown(self) -> list[bytes]:
        """Its names; UsageError if one is not of those that we write."""
        with writing(self.path), os.scandir(self.path) as entries:
            found = {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
        strangers = [name for name, stat in found.items() if not self._is_known(name, stat)]
        if strangers:
            raise self._not_ours(strangers, "it holds what `preserve bag` did not write")
        return list(found)

    def _is_known(self, name: bytes, found: os.stat_result) -> bool:
        if modes.S_ISDIR(found.st_mode):
            return name in self._layout.folders
        empty = found.st_size == 0 or name != LOCK
        return modes.S_ISREG(found.st_mode) and self._layout.is_file(name) and empty

    def _not_ours(self, names: Collection[bytes], why: str) -> UsageError:
        return UsageError(
            f"{show(self.path)}: not a work folder of `preserve bag`, or not only: {why}. Nothing in it was deleted\n"
            + listed([show(name) for name in sorted(names)]),
            remedy=_TAKE_OUT,
        )

    def state(self) -> State | None:
        """What an earlier run wrote; None if there was none, or it is not valid."""
        try:
            with writing(self.path):
                try:
                    with to_read(self.at(STATE)) as file:
                        document = json.loads(file.read(_STATE_BYTES))
                except FileNotFoundError:
                    return None
            encoded = document["sources_base64"] if "sources" in document else [document["source_base64"]]
            return State(
                sources=tuple(b64decode(source, validate=True) for source in encoded),
                inode=int(document["source_inode"]),
                algorithms=tuple(document["algorithms"]),
                uuid=UUID(document["uuid"]),
                started_at=datetime.fromisoformat(document["started_at"]),
                tags=tuple(os.fsencode(name) for name in document["tag_files"]),
                choices=str(document.get("choices", "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def begin(self, request: BagRequest, tags: Collection[bytes]) -> State:
        """The state of an earlier run for the same, or a new one that keeps what can be kept."""
        sources, algorithms = request.sources, request.algorithms
        earlier = self.state()
        ordered = _in_order(sources)
        before = earlier or State(
            sources=ordered, inode=0, algorithms=(), uuid=uuid4(), started_at=datetime.now(UTC), tags=()
        )
        with writing(ordered[0]):
            inode = _inode(ordered[0])
        names = tuple(sorted({*tags, *before.tags}))
        state = replace(
            before, sources=ordered, inode=inode, algorithms=algorithms, tags=names, choices=request.choices
        )
        if state != earlier:
            self._write(state)
        return state

    def is_asked_otherwise(self, request: BagRequest) -> bool:
        """Whether an earlier run came so far with other algorithms, lines or choices than these."""
        earlier = self.state()
        return earlier is not None and earlier.choices != request.choices

    def holds_only(self, *names: bytes) -> bool:
        """Whether nothing is in it but these, the lock and the state: little or nothing was left to be taken away."""
        with writing(self.path):
            return {name for name in os.listdir(self.path) if not is_of_the_beginning(name)} <= {STATE, *names}

    def _write(self, state: State) -> None:
        document = {
            "note": "A bag in the making. Run the same `preserve bag` again and it goes on from here.",
            "sources": [show(source) for source in state.sources],
            "sources_base64": [b64encode(source).decode("ascii") for source in state.sources],
            "source_inode": state.inode,
            "algorithms": state.algorithms,
            "uuid": str(state.uuid),
            "started_at": state.started_at.isoformat(),
            "choices": state.choices,
            "tag_files": [os.fsdecode(name) for name in state.tags],
        }
        with writing(self.path):
            write_durably(self.at(STATE), json.dumps(document, indent=2).encode() + b"\n")

    def mark(self, name: bytes, content: bytes = b"") -> None:
        """Writes a marker, durably: from now on, every run knows that it came so far."""
        with writing(self.path):
            write_durably(self.at(name), content)

    def unmark(self, name: bytes) -> None:
        """Takes a marker away, durably."""
        with writing(self.path), suppress(FileNotFoundError):
            os.unlink(self.at(name))
            sync_directory(self.path)

    def drop(self, *names: bytes) -> None:
        """Deletes files of ours."""
        with writing(self.path):
            for name in names:
                with suppress(FileNotFoundError):
                    os.unlink(self.at(name))

    def remove(self, *last: bytes) -> None:
        """Deletes the files, those named `last` in that order at the end, and the folder.

        The state stays until all but the lock is gone: at every moment the folder can be told to be ours.

        Raises:
            UsageError: something is in it that is not ours; nothing was deleted.
        """
        names = self._refuse_unknown()
        ends = (*last, STATE, LOCK)
        self.drop(*(name for name in names if name not in ends), *ends)
        with writing(self.path):
            os.rmdir(self.path)
            sync_directory(os.path.dirname(self.path))


def clear(folder: bytes, known: Collection[bytes], *, kept: bytes = b"") -> None:
    """Deletes the files `known` (paths below `folder`), bagit.txt first, and the folders; not what lies in `kept`.

    Raises:
        UsageError: there is something else, or a link; nothing was deleted.
    """
    files, folders, strangers = list[bytes](), list[bytes](), list[bytes]()
    parents = {path[:at] for path in known for at in range(len(path)) if path[at : at + 1] == b"/"}
    waiting = [b""]
    with writing(folder), suppress(FileNotFoundError):
        while waiting:
            place = waiting.pop()
            with os.scandir(os.path.join(folder, place)) as entries:
                for entry in entries:
                    path = os.path.join(place, entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        if path != kept:
                            (folders if path in parents else strangers).append(path)
                            waiting += [path] if path in parents else []
                    else:
                        ours = path in known and entry.is_file(follow_symlinks=False)
                        (files if ours else strangers).append(path)
    if strangers:
        raise UsageError(
            f"{show(folder)}: holds what `preserve bag` did not write; nothing in it was deleted\n"
            + listed([show(path) for path in sorted(strangers)]),
            remedy=_TAKE_OUT,
        )
    with writing(folder), suppress(FileNotFoundError):
        if declaration.NAME in files:
            files.remove(declaration.NAME)
            os.unlink(os.path.join(folder, declaration.NAME))
            sync_directory(folder)  # or a power cut brings it back and not what lay in other folders
        for path in files:
            os.unlink(os.path.join(folder, path))
        for path in sorted(folders, reverse=True):
            os.rmdir(os.path.join(folder, path))
        if not kept:
            os.rmdir(folder)


def _in_order(sources: Sequence[bytes]) -> tuple[bytes, ...]:
    """The order in which they were named is of no matter."""
    return tuple(sorted(sources))


def _inode(folder: bytes) -> int:
    return os.stat(folder).st_ino
