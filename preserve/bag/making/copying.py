"""Making a bag as a copy: a hidden folder beside the target, read back past the cache, renamed when it is whole.

The stages: copy what the log does not hold; flush; read back; manifests and tag files; bagit.txt; one rename. Each can
be cut off at any moment, and the same command goes on from there.
"""

import os
import stat as modes
from binascii import hexlify
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import cast

from checks.algorithms import DIGEST_BYTES
from checks.digesting import Digester, Reading, Wanted
from checks.names import show
from checks.ports import StoreError
from preserve.bag.making.ahead import Ahead
from preserve.bag.making.asked import source_tree
from preserve.bag.making.finished import written
from preserve.bag.making.gathering import differences, gather, outstanding, why_not_read
from preserve.bag.making.layout import BAG, COPY, DATA, DECLARATION, LOG, READ_BACK, WHOLE, work_name
from preserve.bag.making.opening import fresh, to_read
from preserve.bag.making.placing import FileCopy, Placing, refuse_other_names
from preserve.bag.making.refusing import refuse_begun_in_place, refuse_target_in, refuse_unwritable_target, taken
from preserve.bag.making.request import BagRequest, Written
from preserve.bag.making.survey import Survey, listed, survey
from preserve.bag.making.tagwriting import LoggedPayload, TagWriter, tag_names
from preserve.bag.making.workfolder import State, WorkFolder, clear
from preserve.bag.making.worklog import Logged, WorkLog
from preserve.bag.pool import LazyPool
from preserve.bag.tags import declaration
from preserve.errors import UndeterminedError, UsageError
from preserve.progress import Progress
from preserve.stores.durable import rename_no_replace, sync_directory, sync_filesystem, writing
from preserve.stores.local import LocalStore
from preserve.stores.local_source import LocalSource, Token
from preserve.stores.looking import mode_of, stands


class Copying:
    """One run of making `request.target` from `request.sources`."""

    def __init__(self, request: BagRequest, target: bytes, progress: Progress) -> None:
        self._request = request
        self._target = os.path.abspath(target)
        self._progress = progress
        self._parent, name = os.path.split(self._target)
        self._work = WorkFolder(os.path.join(self._parent, work_name(name)), COPY)
        self._source = source_tree(request)
        self._staged = LocalStore(self._work.at(BAG, DATA))

    def run(self) -> Written:
        """Makes the bag, or goes on making it; see `preserve.bag.making.writing.write_bag`."""
        found = self._refusals()
        with self._work.held():
            self._refuse_foreign()
            if WHOLE in self._work and self._ended():
                return written(self._target, self._request.algorithms, found.warnings())
            if stands(self._target):
                if self._work.holds_only(WHOLE):
                    self._work.remove(WHOLE)
                raise taken(self._target)
            state = self._begun()
            with ExitStack() as held:
                pool = held.enter_context(LazyPool(self._request.threads))
                log = WorkLog(self._work.at(LOG))
                held.callback(log.close)
                self._copy(found.paths, log, pool)
                ended_at = datetime.now(UTC)
                self._read_back(found.paths, log, pool)
                self._write_tags(found, log, state, ended_at)
            self._publish()
        return written(self._target, self._request.algorithms, found.warnings())

    def _refusals(self) -> Survey:
        """Whatever speaks against it is said before anything is made."""
        refuse_target_in(self._request.sources, self._target)
        if stands(self._target) and not stands(self._work.path):
            raise taken(self._target)
        self._refuse_foreign()
        refuse_begun_in_place(self._request.sources)
        found = survey(self._source, self._request)
        if self._request.approve is not None:
            self._request.approve(self._source, found.paths)
        refuse_unwritable_target(self._parent)
        return found

    def _refuse_foreign(self) -> None:
        """UsageError if the work folder, or the folder of copies in it, is not ours to go on with."""
        self._work.refuse_foreign(self._request.sources)
        staged = self._staged.root
        mode = mode_of(staged)
        if mode is not None and not modes.S_ISDIR(mode):
            raise UsageError(
                f"{show(staged)}: not a folder, where copies should lie; nothing was touched",
                remedy=f"Take it out, or delete {show(self._work.path)}, and run the same command again.",
            )

    def _begun(self) -> State:
        """The state of this bag; what an earlier run left is made fit to go on with."""
        earlier = self._work.state()
        if earlier is not None:
            if earlier.algorithms != self._request.algorithms:
                self._work.drop(LOG, READ_BACK)
            self._work.unmark(WHOLE)  # first of all: no run must take what is being cleared for whole
            clear(self._work.at(BAG), earlier.tags, kept=DATA)  # bagit.txt first: it is no bag from the first moment
        state = self._work.begin(self._request, tag_names(self._request))
        with writing(self._staged.root):
            os.makedirs(self._staged.root, exist_ok=True)
        return state

    def _copy(self, paths: Sequence[bytes], log: WorkLog, pool: LazyPool) -> None:
        """Copies and logs what the log does not hold; takes away what an earlier run copied and is gone since."""
        Placing(self._staged.root).keep_only(paths, (entry.path for entry in log.entries()))
        missing = outstanding(self._source, log, paths)
        self._progress.stage("copying", files=len(missing))
        self._copy_these(missing, log, pool)
        refuse_other_names(self._staged.root, paths)

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
        seen = WorkLog(self._work.at(READ_BACK))
        try:
            for last_time in (False, True):
                with writing(self._staged.root):
                    sync_filesystem(self._staged.root)
                self._progress.stage("reading back", files=len(paths))
                bad = self._differing(paths, log, seen, pool)
                if not bad:
                    seen.keep_only(paths)
                    return
                if not last_time:
                    self._copy_these(list(bad), log, pool)
        finally:
            seen.close()
        raise UndeterminedError(
            "what was written is not what is read back, or cannot be; the target's disk cannot be trusted\n"
            + listed([f"{show(path)}: {why}" for path, why in bad.items()]),
            remedy="The source was not touched. Check the disk, or choose another.",
        )

    def _differing(self, paths: Sequence[bytes], log: WorkLog, seen: WorkLog, pool: LazyPool) -> dict[bytes, str]:
        """Those whose copy is not what was read from the source, and why; the others are noted in `seen`."""
        first = self._request.algorithms[0]
        digits = 2 * DIGEST_BYTES[first]
        logged = Ahead(log.entries(), lambda entry: entry.path)
        bad: dict[bytes, str] = {}
        todo = outstanding(self._staged, seen, paths)
        files = (Wanted(path=path, open=partial(self._open_copy, path), expected_bytes=None) for path in todo)
        for reading in Digester([first], pool, told=pool.telling(self._progress)).observe(files):
            entry = logged.at(reading.path)
            self._progress.advance(files=1)
            digest = hexlify(reading.digests.get(first, b""))
            if reading.sound and reading.stat and entry is not None and digest == entry.digests[:digits]:
                seen.append(reading, cast(Token, reading.stat.token))
            else:
                bad[reading.path] = "its bytes are others" if reading.sound else why_not_read(reading)
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
            ignored_files=found.ignored_files,
            links_followed=found.links_followed,
        )
        TagWriter(self._work.at(BAG), self._request.algorithms).write(self._request, payload)

    def _publish(self) -> None:
        """The flush, bagit.txt, the marker, the rename: from the marker on, a rerun only renames.

        bagit.txt comes by a rename too: a kill between creating and filling it would leave a half one.
        """
        bag, declared = self._work.at(BAG), self._work.at(DECLARATION)
        with writing(bag):
            with fresh(declared) as file:
                file.write(declaration.CONTENT_1_0)
            sync_filesystem(bag)
            os.rename(declared, os.path.join(bag, declaration.NAME))
            sync_directory(bag)
        self._work.mark(WHOLE, str(os.stat(bag).st_ino).encode())
        self._rename()
        self._take_away()

    def _ended(self) -> bool:
        """Ends what an earlier run had made whole.

        False if it has to be made anew, or was ended: something else is asked for, the sources are not as they were
        read, the staged bag is not as it was read back any more, or neither it nor the target that it became is there.

        Raises:
            UndeterminedError: the bag stands, and was changed since it was read back.
            UsageError: it stands, as it was asked for then, and now something else is asked for.
        """
        if stands(self._work.at(BAG)):
            if self._is_other() or self._changed_in(self._work.at(BAG)):
                return False  # what differs is copied once more
            self._rename()
        elif not self._is_ours():
            self._work.drop(LOG, READ_BACK, WHOLE)
            return False
        elif READ_BACK not in self._work:
            return False
        elif changed := self._changed_in(self._target):
            raise UndeterminedError(
                f"{show(self._target)}: an earlier run finished this bag; since then files in it were changed\n"
                + listed(changed),
                remedy=f"`preserve validate` tells what is wrong with them now. Then delete {show(self._work.path)}; "
                "nothing of yours is in it.",
            )
        otherwise = self._work.is_asked_otherwise(self._request)
        self._take_away()
        if otherwise:
            raise taken(self._target)
        return True

    def _is_other(self) -> bool:
        """Whether what an earlier run had made whole is not what is asked for now, or not what the sources are now."""
        if self._work.is_asked_otherwise(self._request):
            return True
        log = WorkLog(self._work.at(LOG))
        try:
            return any(True for _ in differences(self._source, log, Logged.unchanged))
        except StoreError:
            return True  # whoever copies tells
        finally:
            log.close()

    def _changed_in(self, bag: bytes) -> list[str]:
        """What of the payload is not as it was read back."""
        seen = WorkLog(self._work.at(READ_BACK))
        try:
            found = list(differences(LocalStore(os.path.join(bag, DATA)), seen, Logged.unchanged))
        except StoreError as error:
            return [str(error)]
        finally:
            seen.close()
        return [f"{show(path)}: {what}" for path, what in found]

    def _rename(self) -> None:
        try:
            with writing(self._target):
                rename_no_replace(self._work.at(BAG), self._target)
        except UndeterminedError as error:
            if stands(self._target):
                raise taken(self._target) from error
            raise

    def _take_away(self) -> None:
        """What the copy was judged by goes last, and only when the bag's name is on the medium."""
        with writing(self._parent):
            sync_directory(self._parent)
        self._work.remove(READ_BACK, WHOLE)

    def _is_ours(self) -> bool:
        try:
            with to_read(self._work.at(WHOLE)) as file:
                return os.lstat(self._target).st_ino == int(file.read(64))
        except (OSError, ValueError):
            return False
