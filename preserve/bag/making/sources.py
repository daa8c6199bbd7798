"""The sources of a bag as one tree: what is left out by choice is not in it, and what is followed is."""

import os
import stat as modes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from checks.names import show
from checks.ports import Kind, NotFoundError, Source, Stat, StoreError
from preserve.bag.making.emptyfolders import KEEP, NOTHING, NoBytes, stat_of_nothing
from preserve.bag.making.ignoring import Ignoring
from preserve.bag.making.links import LinkedTree
from preserve.bag.walking import walk
from preserve.stores.local import LocalStore, Name
from preserve.stores.local_source import cause_of

_NAMED = 3  # sources in one sentence


class Branch(NamedTuple):
    """One source: a folder, or with `file`, that file of the folder it lies in."""

    tree: LocalStore | LinkedTree
    file: bytes = b""


class Ignored(NamedTuple):
    """Something that was left out. `kind` is DIRECTORY only of a folder in which there is nothing to name."""

    path: bytes
    pattern: bytes
    kind: Kind


class SourceTree:
    """Several sources, each under its name, or one folder under the name b""; see `preserve.bag.trees.Tree`.

    Args:
        root: what to call it when speaking to people.
        ignoring: what is not in it. The names of the sources themselves are not compared.
        keep: whether an empty file `.keep` is in each folder in which there is nothing.
    """

    def __init__(self, root: bytes, branches: Mapping[bytes, Branch], ignoring: Ignoring, *, keep: bool) -> None:
        self.root = root
        self._branches = branches
        self._ignoring = ignoring
        self._keep = keep
        self._left_out: dict[bytes, tuple[bytes, Kind]] = {}
        self._kept: set[bytes] = set()
        self._followed: set[bytes] = set()

    @property
    def folders(self) -> Sequence[bytes]:
        """Those sources that are folders, as paths in this tree."""
        return [name for name, branch in self._branches.items() if not branch.file]

    @property
    def links_followed(self) -> int:
        """How many, in what was listed so far."""
        return len(self._followed)

    def why_refused(self, path: bytes) -> str | None:
        """Why a symbolic link in it is not followed; None where that was not asked for."""
        tree, below = self._place(path)
        return tree.why_refused(below) if isinstance(tree, LinkedTree) else None

    def home_of(self, path: bytes) -> tuple[bytes, bytes]:
        """The folder on disk of the source that a path lies in, and the path from there."""
        tree, below = self._place(path)
        return tree.root, below

    def left_out(self) -> Iterator[Ignored]:
        """All that was left out of what was listed so far, in order, each file of an ignored folder too."""
        for path, (pattern, kind) in sorted(self._left_out.items()):
            if kind is not Kind.DIRECTORY:
                yield Ignored(path, pattern, kind)
                continue
            tree, below = self._place(path)
            prefix = path[: len(path) - len(below)]
            found = False
            try:
                for seen in walk(tree, below):
                    found = True
                    yield Ignored(prefix + seen.path, pattern, seen.kind)
            except StoreError:
                pass  # whatever is in it: it is left out
            if not found:
                yield Ignored(path, pattern, Kind.DIRECTORY)

    def unmet(self, patterns: Iterable[bytes], ignored: Sequence[Ignored]) -> list[bytes]:
        """Those patterns that nothing meets of what was left out, not even what another pattern met first."""
        named = {each.pattern for each in ignored}
        left = [pattern for pattern in dict.fromkeys(patterns) if pattern not in named]
        paths = [self._place(each.path)[1] for each in ignored] if left else []
        return [each for each in left if not any(map(Ignoring((each,)).pattern_of, paths))]

    def names_in(self, folder: bytes, *, stats: bool = False) -> list[Name]:
        """See `preserve.bag.trees.Tree`."""
        if not folder and b"" not in self._branches:
            return sorted(self._tops(), key=itemgetter(0))
        tree, below = self._place(folder)
        names = [
            name
            for name in tree.names_in(below, stats=stats)
            if self._takes(tree, below, folder, name[0].removesuffix(b"/"), name[1])
        ]
        if self._keep and folder:
            path = folder + b"/" + KEEP
            self._kept.discard(path)
            if not names:
                self._kept.add(path)
                names.append((KEEP, Kind.FILE, NOTHING))
        return names

    def _takes(self, tree: LocalStore | LinkedTree, below: bytes, folder: bytes, name: bytes, kind: Kind) -> bool:
        """Whether a name is in it; notes what it is that is not. `below` is the folder in its own source."""
        inside = below + b"/" + name if below else name
        path = folder + b"/" + name if folder else name
        is_followed = isinstance(tree, LinkedTree) and tree.follows(inside)
        pattern = self._ignoring.pattern_of(inside)
        if pattern is not None:
            self._left_out[path] = pattern, Kind.SYMLINK if is_followed else kind
        elif is_followed:
            self._followed.add(path)
        return pattern is None

    def _tops(self) -> Iterator[Name]:
        for name, branch in self._branches.items():
            if not branch.file:
                yield name + b"/", Kind.DIRECTORY, None
                continue
            path = os.path.join(branch.tree.root, branch.file)
            try:
                found = os.lstat(path)
            except FileNotFoundError:
                continue  # gone since; a file that was read is told as gone
            except OSError as error:
                raise StoreError(f"{show(name)}: {error.strerror}", cause=cause_of(error)) from error
            kind = Kind.SYMLINK if modes.S_ISLNK(found.st_mode) else Kind.OTHER
            yield (name, Kind.FILE, found) if modes.S_ISREG(found.st_mode) else (name, kind, None)

    def stat(self, path: bytes) -> Stat:
        """See `preserve.bag.trees.Tree`. What is left out can be looked at all the same."""
        if path in self._kept:
            return stat_of_nothing()
        tree, below = self._place(path)
        return tree.stat(below)

    def open(self, path: bytes, *, past_cache: bool) -> Source:
        """See `preserve.bag.trees.Tree`."""
        if path in self._kept:
            return NoBytes(path)
        tree, below = self._place(path)
        return tree.open(below, past_cache=past_cache)

    def _place(self, path: bytes) -> tuple[LocalStore | LinkedTree, bytes]:
        """The tree of the source that a path lies in, and the path there."""
        whole = self._branches.get(b"")
        if whole is not None:
            return whole.tree, path
        name, _, below = path.partition(b"/")
        branch = self._branches.get(name)
        if branch is None or (branch.file and below):
            raise NotFoundError(f"{show(path)}: in none of the sources", cause="ENOENT")
        return branch.tree, branch.file or below


def called(sources: Sequence[bytes], most: int = _NAMED) -> bytes:
    """What to call all of them together: so many are named."""
    more = len(sources) - most
    return b", ".join(sources[:most]) + (b" and %d more" % more if more > 0 else b"")
