"""What a bag cannot carry, named one by one, with what helps against each cause that was met."""

import os

from checks.names import show
from checks.ports import Kind
from preserve.bag.making.sources import SourceTree
from preserve.bag.tags.lines import LINE_LIMIT_BYTES, is_utf8
from preserve.bag.tags.paths import encoded
from preserve.bag.trees import Tree
from preserve.bag.walking import Seen

_LONGEST_PATH_BYTES = LINE_LIMIT_BYTES - 512  # leaves room for the longest digest

_FOLLOW = (
    "Links: those that lead to something in the same source are taken for what they mean with `--follow-links`, in a "
    "bag that is made as a copy (`--to DIR`). Replace any other by the file it means, or take it out of the folder."
)
_LINKS = "Links: replace each by the file it means, or take it out of the folder."
_DEVICES = "Devices, FIFOs and sockets: take them out of the folder."
_NAMES = "Names that are not UTF-8: rename these files and folders; in other encodings a bag would lose their names."
_LONG = "Paths that are too long: rename folders, or bag a folder further down."
_ORDER = (_FOLLOW, _LINKS, _DEVICES, _NAMES, _LONG)


class Uncarried:
    """Names in a source that stand in a bag's way: `lines` has each with its cause, `remedy` what helps."""

    def __init__(self, tree: Tree) -> None:
        self.lines: list[str] = []
        self._tree = tree
        self._remedies: set[str] = set()

    @property
    def remedy(self) -> str:
        """One sentence or two for each cause that was met."""
        met = self._remedies - {_LINKS} if _FOLLOW in self._remedies else self._remedies
        return " ".join(remedy for remedy in _ORDER if remedy in met)

    def takes(self, seen: Seen) -> bool:
        """Whether a bag cannot carry it; then it is noted."""
        why = self._why(seen)
        if why is not None:
            self.lines.append(f"{show(seen.path)}: {why}")
        return why is not None

    def _why(self, seen: Seen) -> str | None:
        if seen.kind is Kind.SYMLINK:
            return self._of_link(seen.path)
        if seen.kind is Kind.OTHER:
            self._remedies.add(_DEVICES)
            return "a device, FIFO or socket, which a bag cannot carry"
        if not is_utf8(seen.path):
            self._remedies.add(_NAMES)
            return "the name is not UTF-8, which a bag of version 1.0 with UTF-8 manifests cannot carry"
        if len(seen.path) * 3 > _LONGEST_PATH_BYTES and len(encoded(seen.path)) > _LONGEST_PATH_BYTES:
            self._remedies.add(_LONG)
            return f"the path is longer than {_LONGEST_PATH_BYTES} bytes, which a line of a manifest cannot carry"
        return None

    def _of_link(self, path: bytes) -> str:
        why = self._tree.why_refused(path) if isinstance(self._tree, SourceTree) else None
        if why is None and _FOLLOW not in self._remedies:  # nobody asked yet for following it
            self._remedies.add(_FOLLOW if self._stays(path) else _LINKS)
        elif why is not None:
            self._remedies.add(_LINKS)
        return why or "a symbolic link, which a bag cannot carry"

    def _stays(self, path: bytes) -> bool:
        """Whether a link leads to something in its own source, and to no folder that it lies in."""
        root, below = self._tree.home_of(path) if isinstance(self._tree, SourceTree) else (self._tree.root, path)
        top = os.path.realpath(root)
        try:
            end = os.path.realpath(os.path.join(top, below), strict=True)
        except OSError:
            return False
        return end.startswith(top.rstrip(b"/") + b"/") and not os.path.join(top, below).startswith(end + b"/")
