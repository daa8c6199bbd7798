"""The folder of ours in which a bag comes to be: its lock, and what a rerun must know."""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from checks.names import show
from preserve.errors import UsageError
from preserve.stores.durable import sync_directory, write_durably, writing
from preserve.stores.locking import locked

_LOCK = b"lock"
_STATE = b"state.json"
_STATE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What stays the same from the first run to the last.

    Attributes:
        source: what is bagged; another source must not go on in the same folder.
        algorithms: whose digests stand in the log.
        uuid: the package's.
    """

    source: bytes
    algorithms: tuple[str, ...]
    uuid: UUID
    started_at: datetime


class WorkFolder:
    """A folder of ours. Nothing in it is ever called `bagit.txt` before all else is done."""

    def __init__(self, path: bytes) -> None:
        self.path = path

    def __contains__(self, name: bytes) -> bool:
        return os.path.lexists(self.at(name))

    def at(self, *names: bytes) -> bytes:
        """The path of something in it."""
        return os.path.join(self.path, *names)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes it if need be and keeps every other process out; UsageError if one is in it."""
        busy = f"{show(self.path)}: another `preserve bag` is at work here"
        remedy = "Let it end. If it was stopped, run the same command again; it goes on."
        with locked(self.at(_LOCK), busy=busy, remedy=remedy):
            yield

    def state(self) -> State | None:
        """What an earlier run wrote; None if there was none, or it came not even so far."""
        try:
            with open(self.at(_STATE), "rb") as file:
                document = json.loads(file.read(_STATE_BYTES))
            return State(
                source=b64decode(document["source_base64"]),
                algorithms=tuple(document["algorithms"]),
                uuid=UUID(document["uuid"]),
                started_at=datetime.fromisoformat(document["started_at"]),
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def refuse_other(self, source: bytes) -> None:
        """UsageError if what was begun here is a bag of another source."""
        earlier = self.state()
        if earlier is not None and earlier.source != source:
            raise UsageError(
                f"{show(self.path)}: holds the beginning of a bag of another source, {show(earlier.source)}",
                remedy="Finish that one, or delete this folder.",
            )

    def begin(self, source: bytes, algorithms: Sequence[str]) -> State:
        """The state of an earlier run with the same algorithms, or a new one that keeps what can be kept."""
        earlier = self.state()
        if earlier is not None and earlier.algorithms == tuple(algorithms):
            return earlier
        state = State(
            source=source,
            algorithms=tuple(algorithms),
            uuid=uuid4() if earlier is None else earlier.uuid,
            started_at=datetime.now(UTC) if earlier is None else earlier.started_at,
        )
        self._write(state)
        return state

    def is_bare(self) -> bool:
        """Whether nothing is in it but the lock: a finished bag's folder that was not quite taken away."""
        return set(os.listdir(self.path)) <= {_LOCK}

    def _write(self, state: State) -> None:
        document = {
            "note": "A bag in the making. Run the same `preserve bag` again and it goes on from here.",
            "source": show(state.source),
            "source_base64": b64encode(state.source).decode("ascii"),
            "algorithms": state.algorithms,
            "uuid": str(state.uuid),
            "started_at": state.started_at.isoformat(),
        }
        with writing(self.path):
            write_durably(self.at(_STATE), json.dumps(document, indent=2).encode() + b"\n")

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
        """Deletes the folder's files, those named `last` at the end, and the folder, which must hold nothing else."""
        with writing(self.path):
            kept = {*last, _LOCK}
            for name in os.listdir(self.path):
                if name not in kept:
                    os.unlink(self.at(name))
            self.drop(*last, _LOCK)
            os.rmdir(self.path)
            sync_directory(os.path.dirname(self.path))


def clear(folder: bytes) -> None:
    """Deletes a tree of our own making, links not followed."""
    with writing(folder):
        for place, folders, files in os.walk(folder, topdown=False, followlinks=False):
            for name in files:
                os.unlink(os.path.join(place, name))
            for name in folders:
                path = os.path.join(place, name)
                if os.path.islink(path):
                    os.unlink(path)
                else:
                    os.rmdir(path)
        with suppress(FileNotFoundError):
            os.rmdir(folder)
