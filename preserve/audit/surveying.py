"""What stands in a replica's root that no copy in the catalog accounts for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from checks.ports import Kind, StoreError
from preserve.audit.standing import NOT_ASKED, Top, folders_above, is_bag

_MOST = 10_000  # names kept of each kind
# What `preserve.audit.standing` tells apart and a survey does not.
_AS = {"folder of bags": "folder", "link": "file", "other": "file", "leftover": "file"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Names in the root, in order; of each kind no more than the first ten thousand, the rest is only counted.

    Attributes:
        files: and whatever else is no folder: links, devices.
        more: how many names there are beyond those that are given.
        problem: why the root could not be listed; then nothing is known. Else empty.
    """

    bags: tuple[bytes, ...] = ()
    folders: tuple[bytes, ...] = ()
    files: tuple[bytes, ...] = ()
    more: int = 0
    problem: str = ""


def survey(store: Top, locations: Collection[bytes], ignored: Mapping[bytes, str] | None = None) -> Survey:
    """Lists the top level once, and looks for the declaration of a bag in each folder that is not known. No link is
    followed. Never raises for what a store does.

    Folders in which copies lie, or names that are ignored, are looked into.

    Args:
        locations: where the copies lie, of older versions and of removed packages too.
        ignored: names that are passed over, as long as they are what is said of them: bag, folder, file …
    """
    surveying = _Surveying(store, frozenset(locations), ignored or {})
    try:
        surveying.look(b"")
    except StoreError as error:
        return Survey(problem=error.cause or str(error))
    found = surveying.found
    return Survey(
        bags=tuple(found["bag"]), folders=tuple(found["folder"]), files=tuple(found["file"]), more=surveying.more
    )


class _Surveying:
    def __init__(self, store: Top, known: Collection[bytes], ignored: Mapping[bytes, str]) -> None:
        self._store = store
        self._known = known
        self._ignored = ignored
        self._above = {above for path in (*known, *ignored) for above in folders_above(path)}
        self.found: dict[str, list[bytes]] = {"bag": [], "folder": [], "file": []}
        self.more = 0

    def look(self, folder: bytes) -> None:
        """Takes down what is in a folder and not known."""
        for name, kind, _ in self._store.names_in(folder):
            path = (folder + b"/" if folder else b"") + name.rstrip(b"/")
            if path in self._known or path in NOT_ASKED:
                continue
            what = "file" if kind is not Kind.DIRECTORY else "bag" if _may_be_bag(self._store, path) else "folder"
            if path in self._ignored and _AS.get(self._ignored[path], self._ignored[path]) == what:
                continue
            if what == "folder" and path in self._above:
                self.look(path)
            elif len(self.found[what]) < _MOST:
                self.found[what].append(path)
            else:
                self.more += 1


def _may_be_bag(store: Top, folder: bytes) -> bool:
    """Where it cannot be told it is a folder for now: it is told in any case, and the next look may know better."""
    try:
        return is_bag(store, folder)
    except StoreError:
        return False
