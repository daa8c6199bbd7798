"""Making the source itself the bag: everything is read and written down first, then files move by renames only.

Nothing of the payload is copied or deleted. All of ours lies in `.preserve-bagging/` in the source, but for the files
`.keep` in empty folders, where these are asked for, which are made first. The stages: read and log; manifests and tag
files in our folder; the marker `moving`; every entry of the source into our folder's `data/`; that folder into place;
tag files into place, bagit.txt last; our folder away. After a crash the same command goes on from the stage that the
folder shows. Where something was changed meanwhile, all moves back and is read again; where only our folder was left to
be taken away, it is told.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property

from checks.names import show
from checks.ports import StoreError
from preserve.bag.making.asked import tree_in_place
from preserve.bag.making.emptyfolders import KEEP, keep_in_place
from preserve.bag.making.finished import written
from preserve.bag.making.gathering import Difference, changed_at_the_top, differences, gather, outstanding, plainly
from preserve.bag.making.layout import DATA, DECLARATION, IN_PLACE, LOG, MOVING, TAGS
from preserve.bag.making.moving import put_back, why
from preserve.bag.making.opening import fresh
from preserve.bag.making.refusing import (
    AS_A_COPY,
    refuse_immovable,
    refuse_to_take_out,
    refuse_what_needs_a_copy,
)
from preserve.bag.making.request import BagRequest, EmptyFolders, Written
from preserve.bag.making.survey import WORK_FOLDER, Survey, bag_already, listed, survey
from preserve.bag.making.tagwriting import LoggedPayload, TagWriter, tag_names
from preserve.bag.making.workfolder import State, WorkFolder, clear
from preserve.bag.making.worklog import Logged, WorkLog
from preserve.bag.pool import LazyPool
from preserve.bag.tags import declaration
from preserve.errors import UndeterminedError, UsageError
from preserve.progress import Progress
from preserve.stores.durable import rename_no_replace, sync_directory, sync_tree, writing
from preserve.stores.local import LocalStore
from preserve.stores.looking import stands

_ATTEMPTS = 3  # at a source that does not hold still


class InPlace:
    """One run of making a bag of the only one of `request.sources`."""

    def __init__(self, request: BagRequest, progress: Progress) -> None:
        self._request = request
        self._progress = progress
        refuse_what_needs_a_copy(request)
        self._root = request.sources[0]
        self._store = LocalStore(self._root)
        self._tree = tree_in_place(request)
        self._held = ExitStack()
        self._work = WorkFolder(os.path.join(self._root, WORK_FOLDER), IN_PLACE)
        self._tags = tag_names(request)

    def run(self) -> Written:
        """Makes the bag, or goes on making it; see `preserve.bag.making.writing.write_bag`."""
        self._refuse_foreign()
        found = None if stands(self._work.path) else self._survey()
        with self._work.held(), self._held:
            self._refuse_foreign()
            if self._is_placed():
                self._refuse_changed()
            else:
                if MOVING in self._work and self._work.is_asked_otherwise(self._request):
                    self._take_back()
                if MOVING not in self._work:
                    self._move_back()
                    found = found or self._survey()
                self._make(found)
            otherwise = self._work.is_asked_otherwise(self._request)
            self._work.remove(LOG, MOVING)
            if otherwise:  # an earlier run had finished it, as it was asked for then
                raise bag_already(self._root)
        return written(self._root, self._request.algorithms, found.warnings() if found else ())

    def _refuse_foreign(self) -> None:
        """See `WorkFolder.refuse_foreign`. A folder that is not ours leaves a bag what it is."""
        try:
            self._work.refuse_foreign([self._root])
        except UsageError as error:
            if self._is_declared():
                raise bag_already(self._root) from error
            raise

    def _is_declared(self) -> bool:
        return stands(self._top(declaration.NAME))

    def _survey(self) -> Survey:
        found = survey(self._tree, self._request)
        if self._request.approve is not None:
            kept = found.empty_folders if self._request.empty_folders is EmptyFolders.KEEP else []
            self._request.approve(self._tree, sorted([*found.paths, *(folder + b"/" + KEEP for folder in kept)]))
        refuse_to_take_out(self._root, found.ignored)
        refuse_immovable(self._root, self._entries())
        return found

    def _is_placed(self) -> bool:
        """Whether an earlier run came to its end but for taking our folder away, and left what it can be judged by.

        UsageError if it came further: then the bag is one like any other, and our folder is taken away at last.
        """
        if not self._is_declared():
            return False
        if self._work.holds_only(MOVING):
            self._work.remove(MOVING)
            raise bag_already(self._root)
        return all(n in self._work for n in (MOVING, LOG)) and not any(
            n in self._work for n in (DATA, TAGS, DECLARATION)
        )

    def _refuse_changed(self) -> None:
        """UndeterminedError if the payload is not as it was read, in a bag that an earlier run had finished."""
        if changed := self._differences(self._top(DATA)):
            raise UndeterminedError(
                f"{show(self._root)}: an earlier run finished this bag; since then files in it were changed\n"
                + listed(changed),
                remedy=f"`preserve validate` tells what is wrong with them now. Then delete {show(self._work.path)}; "
                "nothing of yours is in it.",
            )

    def _make(self, found: Survey | None) -> None:
        """Goes on from where the folder shows that the work is."""
        for _ in range(_ATTEMPTS):
            changed: list[str] = []
            if MOVING not in self._work:
                changed = self._prepare(found or self._survey())
            changed = changed or self._move()
            if not changed:
                self._place()
                return
            found = None
        raise UndeterminedError(
            f"{show(self._root)}: files in it are being changed; no bag was made\n" + listed(changed),
            remedy="Let whatever writes there end, and run the same command again.",
        )

    def _prepare(self, found: Survey) -> list[str]:
        """Stages 1 and 2: read and log all, write manifests and tag files, look again, flush, mark.

        Returns:
            what was changed since it was read; nothing if all is as it was, and only then it is marked.
        """
        state = self._begun()
        if self._request.empty_folders is EmptyFolders.KEEP:
            found.paths = sorted([*found.paths, *keep_in_place(self._store, found.empty_folders)])
            found.empty_folders = []
        self._read(found)
        self._log.keep_only(found.paths)
        self._write_tags(found, state)
        changed = changed_at_the_top(self._root, self._log, found.paths)
        if not changed:
            with writing(self._work.path):
                sync_tree(self._work.path)
            self._work.mark(MOVING)
        return changed

    @cached_property
    def _log(self) -> WorkLog:
        log = WorkLog(self._work.at(LOG))
        self._held.callback(log.close)
        return log

    def _begun(self) -> State:
        earlier = self._work.state()
        if earlier is not None and earlier.algorithms != self._request.algorithms:
            self._work.drop(LOG)
        return self._work.begin(self._request, self._tags)

    def _read(self, found: Survey) -> None:
        """Reads what the log does not hold as it is now."""
        missing = outstanding(self._store, self._log, found.paths)
        self._progress.stage("reading", files=len(missing))
        with LazyPool(self._request.threads) as pool:
            gather(plainly(self._store, missing), self._log, self._request.algorithms, pool, self._progress)

    def _write_tags(self, found: Survey, state: State) -> None:
        self._progress.stage("writing manifests")
        clear(self._work.at(TAGS), state.tags)
        payload = LoggedPayload(
            log=self._log,
            root=self._root,
            paths=found.paths,
            uuid=state.uuid,
            started_at=state.started_at,
            ended_at=datetime.now(UTC),
            algorithms=self._request.algorithms,
        )
        with writing(self._work.path):
            os.makedirs(self._work.at(DATA), exist_ok=True)
            os.makedirs(self._work.at(TAGS))
            with fresh(self._work.at(DECLARATION)) as file:
                file.write(declaration.CONTENT_1_0)
        TagWriter(self._work.at(TAGS), self._request.algorithms).write(self._request, payload)

    def _move(self) -> list[str]:
        """Stage 3: every entry into our `data/`, then that into place. If files were changed, all moves back.

        Returns:
            what was changed; nothing if the payload now stands in `data/`.
        """
        if DATA not in self._work:
            return self._changed_in_place()  # where an earlier run had put it
        self._progress.stage("moving")
        try:
            for name in self._entries():
                rename_no_replace(self._top(name), self._work.at(DATA, name))
            sync_directory(self._work.at(DATA))
            sync_directory(self._root)
        except OSError as error:
            self._retreat()
            raise UndeterminedError(
                f"{show(self._root)}: its files cannot be moved ({why(error)}); they were put back",
                remedy=AS_A_COPY,
            ) from error
        changed = self._differences(self._work.at(DATA))  # on the way
        if changed or self._entries():
            self._retreat()
            return changed or ["something new appeared in the folder"]
        with writing(self._root):
            rename_no_replace(self._work.at(DATA), self._top(DATA))
            sync_directory(self._root)
            sync_directory(self._work.path)
        return []

    def _differences(self, folder: bytes) -> list[str]:
        try:
            found = list(differences(LocalStore(folder), self._log, Logged.moved_intact))
        except StoreError as error:
            raise UndeterminedError(f"{show(folder)}: cannot be listed ({error.cause or error})") from error
        return [f"{show(path)}: {what}" for path, what in found]

    def _changed_in_place(self) -> list[str]:
        """What was changed after an earlier run had put `data/` into place; then it is made the source again."""
        ours = self._placed_tags()
        new = [name for name in self._entries() if name != DATA and name not in ours]
        changed = self._differences(self._top(DATA)) + [f"{show(name)}: {Difference.NEW}" for name in new]
        if changed:
            self._take_back()
        return changed

    def _take_back(self) -> None:
        """Makes the source again of what an earlier run had moved, however far it came but for bagit.txt."""
        if DATA not in self._work:
            ours = self._placed_tags()
            with writing(self._root):
                os.makedirs(self._work.at(TAGS), exist_ok=True)
                for name in ours:
                    rename_no_replace(self._top(name), self._work.at(TAGS, name))
                sync_directory(self._work.at(TAGS))
                rename_no_replace(self._top(DATA), self._work.at(DATA))
                sync_directory(self._root)
        self._retreat()

    def _placed_tags(self) -> list[bytes]:
        """Names in the top folder that we have put there: those of tag files that are in our folder no more."""
        state = self._work.state()
        tops = {path.partition(b"/")[0] for path in (state.tags if state else ())} - {declaration.NAME}
        return [name for name in self._entries() if name in tops and not stands(self._work.at(TAGS, name))]

    def _retreat(self) -> None:
        """From here on the files are the source again; a crash in the middle is mended by the next run."""
        self._work.unmark(MOVING)
        self._move_back()

    def _move_back(self) -> None:
        """Puts what lies in our `data/` back where it was.

        UndeterminedError where something else stands there by now: both stay, and all others are back.
        """
        if DATA not in self._work:
            return
        put_back(self._work.at(DATA), self._root)

    def _place(self) -> None:
        """The tag files into place, and bagit.txt after all else is on the medium."""
        with writing(self._root):
            if TAGS in self._work:
                for name in sorted(os.listdir(self._work.at(TAGS))):
                    rename_no_replace(self._work.at(TAGS, name), self._top(name))
                sync_directory(self._root)
                os.rmdir(self._work.at(TAGS))
            if DECLARATION in self._work:
                rename_no_replace(self._work.at(DECLARATION), self._top(declaration.NAME))
                sync_directory(self._root)

    def _entries(self) -> Sequence[bytes]:
        """The names in the source's top folder that are not ours."""
        with writing(self._root):
            return sorted(name for name in os.listdir(self._root) if name != WORK_FOLDER)

    def _top(self, name: bytes) -> bytes:
        return os.path.join(self._root, name)
