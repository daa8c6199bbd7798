"""Which folders of a replica are no bags to be adopted, before anything of them is read."""

from collections.abc import Mapping
from dataclasses import replace

from checks.evidence import Outcome
from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError
from preserve.app.adoption_lines import line_of, recorded_line
from preserve.app.overlaps import stands_in_another
from preserve.audit.standing import folders_above, is_bag
from preserve.catalog.reconciling import PlaceRow
from preserve.ingest.adopted import left
from preserve.stores.identity import OURS
from preserve.stores.port import ReplicaStore
from reports.adoption import AdoptedLine


class Refusing:
    """Judges folders of one replica.

    Args:
        places: the copies recorded there, by their folders.
    """

    def __init__(self, store: ReplicaStore, places: Mapping[bytes, PlaceRow]) -> None:
        self._store = store
        self._places = places
        self._above = {above for path in places for above in folders_above(path)}
        self._replicas: dict[bytes, bool] = {}  # folders that were asked whether they are replicas of their own

    def line(self, path: bytes) -> AdoptedLine | None:
        """Why a folder is none to be looked at; None if it is one."""
        place = self._places.get(path)
        if place is not None:
            return recorded_line(place)
        if path.split(b"/", 1)[0] == OURS:
            return line_of(left(path, "it lies in a folder of ours", "Nothing in .preserve is a copy."))
        if path in self._above:
            return line_of(
                left(path, "a recorded copy lies in it", "A bag in a bag is no copy of its own; move it out.")
            )
        try:
            return self._inside(path) or self._no_bag(path) or self._anothers(path)
        except StoreError as error:
            return undetermined(path, error)

    def _inside(self, path: bytes) -> AdoptedLine | None:
        for one in folders_above(path):
            if one in self._places or is_bag(self._store, one):
                return line_of(left(path, f"it lies in {show(one)}, which is a bag", "Adopt that one, or move it out."))
        return None

    def _anothers(self, path: bytes) -> AdoptedLine | None:
        """A bag on a replica that lies in this one is that one's copy: its bytes are there already, and are no more."""
        other = next((one for one in (path, *folders_above(path)) if self._is_replica(one)), None)
        if other is None:
            return None
        problem = f"{show(other)} is a replica of its own, and this is a copy there"
        return line_of(left(path, problem, "One folder is one copy: it would be counted twice."))

    def _is_replica(self, folder: bytes) -> bool:
        if folder not in self._replicas:
            self._replicas[folder] = stands_in_another(self._store, folder)
        return self._replicas[folder]

    def _no_bag(self, path: bytes) -> AdoptedLine | None:
        try:
            kind = self._store.stat(path).kind
        except NotFoundError:
            return line_of(left(path, "nothing is there, or a link is on the way to it", "Look how it is written."))
        if kind is not Kind.DIRECTORY:
            what = "a link" if kind is Kind.SYMLINK else "no folder"
            return line_of(left(path, f"it is {what}", "Nothing is adopted through a link."))
        if not is_bag(self._store, path):
            return line_of(left(path, "it is no bag, and none lies in it", "Make one of it with `preserve bag`."))
        return None


def undetermined(path: bytes, why: StoreError | str) -> AdoptedLine:
    """A folder of which nothing could be told."""
    said = why if isinstance(why, str) else why.cause or str(why)
    looked = left(path, f"it cannot be looked at ({said})", "Put that right, and run the command again.")
    return replace(line_of(looked), outcome=Outcome.INCONCLUSIVE)
