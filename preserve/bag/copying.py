"""Making a bag as a copy: a hidden folder beside the target, read back past the cache, renamed when it is whole.

The stages: copy what the log does not hold; flush; read back; manifests and tag files; bagit.txt; one rename. Each can
be cut off at any moment, and the same command goes on from there.
"""

import os
from binascii import hexlify
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from typing import cast

from checks.digesting import DIGEST_BYTES, Digester, Reading, Wanted
from checks.names import show
from preserve.bag import declaration
from preserve.bag.ahead import Ahead
from preserve.bag.finished import written
from preserve.bag.gathering import gather, outstanding
from preserve.bag.placing import FileCopy, Placing
from preserve.bag.pool import LazyPool
from preserve.bag.request import BagRequest, Written
from preserve.bag.survey import WORK_FOLDER, Survey, listed, survey
from preserve.bag.tagwriting import LoggedPayload, TagWriter
from preserve.bag.workfolder import State, WorkFolder, clear
from preserve.bag.worklog import WorkLog
from preserve.errors import UndeterminedError, UsageError
from preserve.progress import Progress
from preserve.stores.durable import rename_no_replace, sync_directory, sync_filesystem, writing
from preserve.stores.local import LocalSource, LocalStore, Token

_BAG = b"bag"  # in the work folder; becomes the target
_DECLARATION = b"declaration"  # bagit.txt under a name that makes nothing a bag
_READ = b"read.log"
_READ_BACK = b"read-back.log"
_WHOLE = b"whole"  # marker: the bag is whole and flushed; only the rename is left. It holds the bag's inode


class Copying:
    """One run of making `request.target` from `request.source`."""

    def __init__(self, request: BagRequest, target: bytes, progress: Progress) -> None:
        self._request = request
        self._target = os.path.abspath(target)
        self._progress = progress
        self._parent, name = os.path.split(self._target)
        self._work = WorkFolder(os.path.join(self._parent, b"." + name + b".preserve-partial"))
        self._source = LocalStore(request.source)
        self._staged = LocalStore(self._work.at(_BAG, b"data"))

    def run(self) -> Written:
        """Makes the bag, or goes on making it; see `preserve.bag.writing.write_bag`."""
        found = self._refusals()
        with self._work.held():
            self._work.refuse_other(self._request.source)
            if _WHOLE in self._work and self._published():
                return written(self._target, self._request.algorithms, found.warnings())
            if os.path.lexists(self._target):
                if self._work.is_bare():
                    self._work.remove()
                raise _taken(self._target)
            state = self._begun()
            with ExitStack() as held:
                pool = held.enter_context(LazyPool(self._request.threads))
                log = WorkLog(self._work.at(_READ))
                held.callback(log.close)
                self._copy(found.paths, log, pool)
                ended_at = datetime.now(UTC)
                self._read_back(found.paths, log, pool)
                self._write_tags(found, log, state, ended_at)
            self._publish()
        return written(self._target, self._request.algorithms, found.warnings())

    def _refusals(self) -> Survey:
        """Whatever speaks against it is said before anything is made."""
        source, target = self._request.source, os.path.realpath(self._target)
        if target == source or target.startswith(source.rstrip(b"/") + b"/"):
            raise UsageError(
                f"{show(self._target)}: lies in the source",
                remedy="Choose a folder outside of it, or make the source itself the bag with --in-place.",
            )
        if os.path.lexists(self._target) and not os.path.lexists(self._work.path):
            raise _taken(self._target)
        if os.path.lexists(os.path.join(source, WORK_FOLDER)):
            raise UsageError(
                f"{show(source)}: bagging it in place was begun and not finished",
                remedy="Finish it first: `preserve bag --in-place` on the same folder.",
            )
        return survey(self._source)

    def _begun(self) -> State:
        """The state of this bag; what an earlier run left is made fit to go on with."""
        earlier = self._work.state()
        if earlier is not None:
            if earlier.algorithms != self._request.algorithms:
                self._work.drop(_READ, _READ_BACK)
            self._drop_tags()
        state = self._work.begin(self._request.source, self._request.algorithms)
        with writing(self._staged.root):
            os.makedirs(self._staged.root, exist_ok=True)
        return state

    def _drop_tags(self) -> None:
        """Takes away an earlier run's tag files, bagit.txt first: it is no bag any more from the first moment."""
        bag = self._work.at(_BAG)
        with writing(bag), suppress(FileNotFoundError):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(bag, declaration.NAME))
            for name in os.listdir(bag):
                path = os.path.join(bag, name)
                if os.path.isdir(path) and name != b"data":
                    clear(path)
                elif name != b"data":
                    os.unlink(path)
        self._work.unmark(_WHOLE)

    def _copy(self, paths: Sequence[bytes], log: WorkLog, pool: LazyPool) -> None:
        """Copies and logs what the log does not hold; takes away what an earlier run copied and is gone since."""
        if not log.empty:
            Placing(self._staged.root).keep_only(paths)
        missing = outstanding(self._source, log, paths)
        self._progress.stage("copying", files=len(missing))
        self._copy_these(missing, log, pool)

    def _copy_these(self, paths: Sequence[bytes], log: WorkLog, pool: LazyPool) -> None:
        placing = Placing(self._staged.root)
        copies: deque[FileCopy] = deque()

        def wanted() -> Iterator[Wanted]:
            for path in paths:
                copy = FileCopy(partial(self._source.open, path, past_cache=False), placing, path)
                copies.append(copy)
                yield Wanted(path=path, open=copy.open, expected_bytes=None, sink=copy.take)

        def close(reading: Reading) -> None:
            copies.popleft().close(reading)

        try:
            gather(wanted(), log, self._request.algorithms, pool, self._progress, close)
        finally:
            placing.close()

    def _read_back(self, paths: Sequence[bytes], log: WorkLog, pool: LazyPool) -> None:
        """Reads the copy past the cache and compares. What differs is copied once more.

        Raises:
            UndeterminedError: it differs again, or cannot be read back.
        """
        seen = WorkLog(self._work.at(_READ_BACK))
        try:
            for last_time in (False, True):
                with writing(self._staged.root):
                    sync_filesystem(self._staged.root)
                self._progress.stage("reading back", files=len(paths))
                bad = self._differing(paths, log, seen, pool)
                if not bad:
                    return
                if not last_time:
                    self._copy_these(bad, log, pool)
        finally:
            seen.close()
        raise UndeterminedError(
            "what was written is not what is read back; the target's disk cannot be trusted\n"
            + listed([show(path) for path in bad]),
            remedy="The source was not touched. Check the disk, or choose another.",
        )

    def _differing(self, paths: Sequence[bytes], log: WorkLog, seen: WorkLog, pool: LazyPool) -> list[bytes]:
        """Those whose copy is not what was read from the source; the others are noted in `seen`."""
        first = self._request.algorithms[0]
        digits = 2 * DIGEST_BYTES[first]
        logged = Ahead(log.entries(), lambda entry: entry.path)
        bad: list[bytes] = []
        todo = outstanding(self._staged, seen, paths)
        files = (Wanted(path=path, open=partial(self._open_copy, path), expected_bytes=None) for path in todo)
        for reading in Digester([first], pool).observe(files):
            entry = logged.at(reading.path)
            self._progress.advance(files=1, bytes=reading.size_bytes)
            digest = hexlify(reading.digests.get(first, b""))
            if reading.sound and reading.stat and entry is not None and digest == entry.digests[:digits]:
                seen.append(reading, cast(Token, reading.stat.token))
            else:
                bad.append(reading.path)
        seen.flush()
        return bad

    def _open_copy(self, path: bytes) -> LocalSource:
        return self._staged.open(path, past_cache=True)

    def _write_tags(self, found: Survey, log: WorkLog, state: State, ended_at: datetime) -> None:
        self._progress.stage("writing manifests")
        payload = LoggedPayload(
            log=log,
            root=self._staged.root,
            paths=found.paths,
            uuid=state.uuid,
            started_at=state.started_at,
            ended_at=ended_at,
            algorithms=self._request.algorithms,
        )
        TagWriter(self._work.at(_BAG), self._request.algorithms).write(self._request, payload)

    def _publish(self) -> None:
        """The flush, bagit.txt, the marker, the rename: from the marker on, a rerun only renames.

        bagit.txt comes by a rename too: a kill between creating and filling it would leave a half one.
        """
        bag, declared = self._work.at(_BAG), self._work.at(_DECLARATION)
        with writing(bag):
            with open(declared, "wb") as file:
                file.write(declaration.CONTENT_1_0)
            sync_filesystem(bag)
            os.rename(declared, os.path.join(bag, declaration.NAME))
            sync_directory(bag)
        self._work.mark(_WHOLE, str(os.stat(bag).st_ino).encode())
        self._published()

    def _published(self) -> bool:
        """Renames the whole bag, if that is still to do, and removes the work folder.

        False if neither the bag nor the target that it became is there: somebody moved it, and it is made anew.
        """
        bag = self._work.at(_BAG)
        if os.path.lexists(bag):
            try:
                with writing(self._target):
                    rename_no_replace(bag, self._target)
            except UndeterminedError as error:
                if os.path.lexists(self._target):
                    raise _taken(self._target) from error
                raise
        elif not self._is_ours():
            self._work.drop(_READ, _READ_BACK, _WHOLE)
            return False
        with writing(self._parent):
            sync_directory(self._parent)
        self._work.remove(_WHOLE)
        return True

    def _is_ours(self) -> bool:
        try:
            with open(self._work.at(_WHOLE), "rb") as file:
                return os.lstat(self._target).st_ino == int(file.read(64))
        except (OSError, ValueError):
            return False


def _taken(target: bytes) -> UsageError:
    return UsageError(
        f"{show(target)}: is there already", remedy="Choose a folder that does not exist; nothing is ever replaced."
    )
