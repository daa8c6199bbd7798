"""Looking over a source before anything is touched: what a bag cannot carry is refused, by name."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError, UnavailableError
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.making.ignoring import shown
from preserve.bag.making.request import BagRequest, EmptyFolders
from preserve.bag.making.sources import Ignored, SourceTree
from preserve.bag.making.uncarried import Uncarried
from preserve.bag.tags import declaration
from preserve.bag.trees import Tree
from preserve.bag.validating.linting import of_algorithms, of_folder
from preserve.bag.walking import walk
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.local import Name
from preserve.stores.looking import stands

WORK_FOLDER = b".preserve-bagging"
_NAMED = 20  # in one message
_REFUSED = 1000  # names in the message that says what must be mended: whoever mends it wants them all


@dataclass(slots=True)
class Survey:
    """The files of a source, as paths below it in bytewise order, its empty folders, and what was left out."""

    paths: list[bytes] = field(default_factory=list)
    empty_folders: list[bytes] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    links_followed: int = 0
    half_made: list[Finding] = field(default_factory=list)
    unmet: list[bytes] = field(default_factory=list)  # patterns that left nothing out
    advice: list[Finding] = field(default_factory=list)  # what a validation of the bag is going to warn of

    @property
    def ignored_files(self) -> int:
        """How many were left out; a folder that could not be looked into counts for nothing."""
        return sum(each.kind is not Kind.DIRECTORY for each in self.ignored)

    def warnings(self) -> Iterator[Finding]:
        """What the bag will not carry, will carry nothing of, or should perhaps not have been made of."""
        if not self.paths:
            yield Finding(code=Code.SOURCE_EMPTY)
        yield from self.half_made
        for path in self.paths:
            if path.endswith(b"/" + declaration.NAME):
                yield Finding(code=Code.BAG_IN_BAG, path=os.path.dirname(path))
        for path in self.empty_folders:
            yield Finding(code=Code.EMPTY_FOLDER, path=path)
        for each in self.ignored:
            yield Finding(code=Code.IGNORED, path=each.path, parameters={"pattern": shown(each.pattern)})
        for pattern in self.unmet:
            yield Finding(code=Code.PATTERN_MET_NOTHING, parameters={"pattern": shown(pattern)})
        yield from self.advice

    def advise(self, finding: Finding) -> None:
        """Notes what is going to be said of the bag; bags within it are told here already."""
        if finding.code is not Code.BAG_IN_BAG:
            self.advice.append(finding)


def survey(tree: Tree, request: BagRequest) -> Survey:
    """Walks the sources once, without reading a file.

    Raises:
        UsageError: it is not a folder, is a bag already, or holds what a bag cannot carry (all of it is named); or
            all of it would be left out.
        UndeterminedError: a folder in it cannot be listed.
    """
    found, refused, unlisted = Survey(), Uncarried(tree), list[str]()
    chosen = tree if isinstance(tree, SourceTree) else None
    try:
        look = partial(_names_of, found)
        for seen in walk(tree, b"", skip=WORK_FOLDER, look=look):
            if seen.problem is not None:
                unlisted.append(f"{show(seen.path)}: cannot be listed ({seen.problem})")
            elif refused.takes(seen):
                continue
            elif seen.kind is Kind.DIRECTORY:
                found.empty_folders.append(seen.path)
            else:
                found.paths.append(seen.path)
        folders = (b"",) if chosen is None else chosen.folders
        if b"" in folders:
            _refuse_bag(tree)
    except StoreError as error:
        raise _not_a_source(tree.root, error) from error
    if chosen is not None:
        found.ignored += chosen.left_out()
        found.links_followed = chosen.links_followed
        found.unmet += chosen.unmet((each for each in request.ignore if each not in request.in_reserve), found.ignored)
    if refused.lines:
        raise UsageError(
            f"{show(tree.root)}: cannot be bagged as it is; nothing was touched\n" + listed(refused.lines, _REFUSED),
            remedy=refused.remedy,
        )
    if unlisted:
        raise UndeterminedError(f"{show(tree.root)}: nothing was touched\n" + listed(unlisted))
    if found.ignored_files and not found.paths and request.target is not None:
        raise UsageError(
            f"{show(tree.root)}: everything in it would be left out, and the bag hold nothing; nothing was touched",
            remedy="Look at the patterns of `--ignore`: "
            + ", ".join(sorted({f"'{shown(each.pattern)}'" for each in found.ignored}))
            + ".",
        )
    if found.empty_folders and request.empty_folders is EmptyFolders.REFUSE:
        raise UsageError(
            f"{show(tree.root)}: holds empty folders; nothing was touched\n"
            + listed([show(path) for path in found.empty_folders], _REFUSED),
            remedy="Take them away, or choose `--empty-folders keep` (an empty file in each) or `leave-out`.",
        )
    try:
        found.half_made += [each for folder in folders for each in _half_made(tree, folder)]
    except StoreError as error:
        raise UndeterminedError(f"{error}; nothing was touched") from error
    found.advice += of_algorithms(request.algorithms)
    return found


def _names_of(found: Survey, folder: bytes, names: Collection[Name]) -> None:
    of_folder(folder, (name for name, _, _ in names), found.advise)


def _refuse_bag(tree: Tree) -> None:
    try:
        tree.stat(declaration.NAME)
    except NotFoundError:
        return
    raise bag_already(tree.root)


def _half_made(tree: Tree, folder: bytes) -> Iterator[Finding]:
    """A source that looks like a bag that another tool began: its payload would come to lie in data/data/."""
    top = {name for name, _, _ in tree.names_in(folder)} - {WORK_FOLDER + b"/"}
    if b"data/" not in top or declaration.NAME in top:
        return
    below = tree.names_in(folder + b"/data" if folder else b"data")
    manifests = [name for name in top if name.endswith(b".txt") and name.startswith((b"manifest-", b"tagmanifest-"))]
    if manifests:
        why = f"data/ and {show(min(manifests))} are in it, and no bagit.txt"
    elif any(name == b"data/" for name, _, _ in below):
        why = "data/data/ is in it"
    elif top == {b"data/"}:
        why = "nothing but data/ is in it"
    else:
        return
    yield Finding(code=Code.HALF_MADE_BAG, path=folder or None, parameters={"why": why})


def bag_already(root: bytes) -> UsageError:
    """Says that nothing was made here, and nothing looked at."""
    return UsageError(
        f"{show(root)}: this is a bag already (bagit.txt stands in it)",
        remedy="Check it with `preserve validate`, or take it in with `preserve add`.",
    )


def _not_a_source(root: bytes, error: StoreError) -> Exception:
    if isinstance(error, NotFoundError) or (isinstance(error, UnavailableError) and not stands(root)):
        return UsageError(f"{show(root)}: there is no such folder")
    if error.cause in ("ENOTDIR", "ENOENT"):  # a file, or a link to nothing
        return UsageError(
            f"{show(root)}: not a folder", remedy="Put the file into a folder, or bag it as a copy, with --to DIR."
        )
    return UndeterminedError(f"{show(root)}: cannot be read ({error.cause or error})")


def listed(lines: list[str], most: int = _NAMED) -> str:
    """Lines for a message: the first of them, and how many more there are."""
    more = len(lines) - most
    return "\n".join(lines[:most]) + (f"\n… and {more} more" if more > 0 else "")
