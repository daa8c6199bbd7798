"""What lies in `.preserve` on a replica: unfinished copies, what killed runs left, and what is none of ours."""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from checks.canaries import CANARIES
from checks.ports import Kind, NotFoundError
from preserve.audit.standing import PARTIAL, Standing, Top, What
from preserve.stores.identity import IDENTITY_FILE, OURS, QUARANTINE, REMOVED, STAGING
from preserve.stores.trial_names import is_left, is_trial

_COPY = re.compile(rb"([0-9a-f-]{36})-v([1-9][0-9]{0,8})\Z")
_CANARY = re.compile(rb"(%b)(\.damaged-[0-9A-Za-z-]+)?\Z" % b"|".join(re.escape(one.name) for one in CANARIES))
_LOCK = re.compile(rb".*\.lock(\.([0-9a-f]{16}|none))*(\.over)?\Z", re.DOTALL)  # and those who may put it away
_ROOMS = frozenset((b"staging", b"removed", b"quarantine", b"heads", b"catalog", b"canaries"))
_LEFT_SECONDS = 86_400  # a lock is renewed every few minutes
_CLEARED = "The next run that does the same there clears it away."
_FOUND_OUT = "Find out who laid it there. Nothing of ours is in it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the catalog knows of a replica's rooms.

    Attributes:
        catalog: its own UUID.
        packages: identifiers, by UUID; of removed packages too.
        entries: names of the quarantine's entries that the journal knows.
    """

    catalog: UUID
    packages: Mapping[str, str]
    entries: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A copy that somebody began. `package` is its identifier, empty if the catalog has no such package."""

    name: bytes
    package: str
    version: int


def unfinished(store: Top, expected: Expected) -> list[Unfinished]:
    """The copies in the making, by what stands in the room for them: a folder, or a mark where there are no folders.

    Raises:
        StoreError: that cannot be listed.
    """
    found = []
    for name, _ in _names(store, STAGING):
        copy = _COPY.match(name)
        if copy is not None:
            package = expected.packages.get(copy[1].decode(), "")
            found.append(Unfinished(name=name, package=package, version=int(copy[2])))
    return found


def look_at_rooms(store: Top, expected: Expected) -> Iterator[Standing]:
    """Everything below `.preserve` that needs a person, or a later run of ours. Locks are passed over.

    Raises:
        StoreError: a room cannot be listed.
    """
    rooms: Mapping[bytes, Callable[[bytes, Kind, Expected], Standing | None]] = {
        b"staging": _staged,
        b"removed": _removed,
        b"quarantine": _quarantined,
        b"heads": _head,
        b"catalog": _backup,
        b"canaries": _canary,
    }
    for name, kind in _names(store, OURS):
        path = OURS + b"/" + name
        if name in rooms and kind is Kind.DIRECTORY:
            for inside, its_kind in _names(store, path):
                if _LOCK.match(inside):
                    one = _old_lock(store, path + b"/" + inside)
                else:
                    one = _partial(path, inside) or rooms[name](inside, its_kind, expected)
                if one is not None:
                    yield one
        elif is_trial(name):
            if is_left(name):
                yield Standing(path=path, what=What.LEFTOVER, note="names were tried in it", remedy=_CLEARED)
        elif _LOCK.match(name):
            if (old := _old_lock(store, path)) is not None:
                yield old
        elif path != IDENTITY_FILE:
            yield _partial(OURS, name) or _not_ours(path)


def strangers(store: Top) -> Iterator[tuple[bytes, Kind]]:
    """What lies in `.preserve` itself under a name that nothing of ours has, by whatever catalog.

    Raises:
        StoreError: that cannot be listed.
    """
    for name, kind in _names(store, OURS):
        ours = name in _ROOMS or is_trial(name) or _LOCK.match(name) or _partial(OURS, name) is not None
        path = OURS + b"/" + name
        if not ours and path != IDENTITY_FILE:
            yield path, kind


def _names(store: Top, folder: bytes) -> Iterator[tuple[bytes, Kind]]:
    try:
        names = store.names_in(folder)
    except NotFoundError:
        return
    for name, kind, _ in names:
        yield name.rstrip(b"/"), kind


def _partial(folder: bytes, name: bytes) -> Standing | None:
    if PARTIAL.search(name) is None:
        return None
    note = "a file that a run was writing when it was killed, or that one writes now"
    return Standing(path=folder + b"/" + name, what=What.LEFTOVER, note=note, remedy="A later run clears it away.")


def _old_lock(store: Top, path: bytes) -> Standing | None:
    """What was made to put a dead run's lock away, and stands for more than a day; a lock itself is never told."""
    if path.endswith(b".lock"):
        return None
    try:
        modified_ns = store.stat(path).modified_ns
    except NotFoundError:
        return None
    if modified_ns is None or time.time() - modified_ns / 1e9 <= _LEFT_SECONDS:
        return None
    return Standing(path=path, what=What.LEFTOVER, note="of a killed run that was to follow another", remedy=_CLEARED)


def _not_ours(path: bytes, note: str = "") -> Standing:
    return Standing(path=path, what=What.NOT_OURS, note=note, remedy=_FOUND_OUT)


def _staged(name: bytes, kind: Kind, expected: Expected) -> Standing | None:
    path, copy = STAGING + b"/" + name, _COPY.match(name)
    if copy is None:
        return _not_ours(path)
    package, version = expected.packages.get(copy[1].decode(), ""), int(copy[2])
    if not package:
        note, remedy = (
            "of a package that the catalog does not know",
            "If another catalog's run is not at it: delete it.",
        )
        return Standing(path=path, what=What.UNFINISHED, note=note, remedy=remedy)
    return Standing(
        path=path,
        what=What.UNFINISHED,
        note=f"of {package}, version {version}",
        remedy="`preserve replicate` goes on with it, unless it is at it now.",
    )


def _removed(name: bytes, kind: Kind, expected: Expected) -> Standing | None:
    copy = _COPY.match(name)
    if copy is None:
        return _not_ours(REMOVED + b"/" + name)
    package = expected.packages.get(copy[1].decode(), "") or "a package that the catalog does not know"
    note = f"set apart to be deleted, of {package}"
    remedy = "`preserve remove PACKAGE --delete-copies` once more ends it."
    return Standing(path=REMOVED + b"/" + name, what=What.LEFTOVER, note=note, remedy=remedy)


def _quarantined(name: bytes, kind: Kind, expected: Expected) -> Standing | None:
    if name.decode("utf-8", "replace") in expected.entries:
        return None
    return Standing(
        path=QUARANTINE + b"/" + name,
        what=What.QUARANTINE,
        note="the journal does not know it: a killed repair left it, or somebody else",
        remedy="The next `preserve repair --apply` there settles what a repair left; look at entry.json in it.",
    )


def _head(name: bytes, kind: Kind, expected: Expected) -> Standing | None:
    if name == f"{expected.catalog}.txt".encode():
        return None
    return _of_another(OURS + b"/heads/" + name, name.removesuffix(b".txt"), "heads of another catalog's journal")


def _backup(name: bytes, kind: Kind, expected: Expected) -> Standing | None:
    if name == str(expected.catalog).encode():
        return None
    return _of_another(OURS + b"/catalog/" + name, name, "backups of another catalog")


def _of_another(path: bytes, name: bytes, note: str) -> Standing:
    try:
        return _not_ours(path, note) if str(UUID(name.decode())) == name.decode() else _not_ours(path)
    except ValueError:
        return _not_ours(path)


def _canary(name: bytes, kind: Kind, expected: Expected) -> Standing | None:
    return None if _CANARY.match(name) else _not_ours(OURS + b"/canaries/" + name)
