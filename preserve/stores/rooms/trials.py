"""Which names a file system far away could not hold, or would change: tried there for real.

They are made in a folder of ours, listed again as bytes and taken away. Where there are very many, those are tried that
hold each pair of neighbouring characters, each length and each pair of names that some file systems take for one; and
every name that has something of the bad ones among these, and of no good one.
"""

import itertools
import re
import secrets
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError, UnavailableError
from preserve.errors import UndeterminedError
from preserve.stores.identity import OURS
from preserve.stores.port import ExistsError, FullError, WritableStore
from preserve.stores.rooms.emptying import emptied
from preserve.stores.rooms.writing import names_below, place, put, reading, writing
from preserve.stores.trial_names import is_left, trial_name

_PLAIN = re.compile(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_PLAIN_BYTES = 100  # no file system of today takes fewer
_MOST = 2_000  # names tried because others like them are bad; the rest of them are taken for bad
_RESERVED = re.compile(rb"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)  # Windows' devices
_OF_THE_STORE = ("ECONNRESET", "ETIMEDOUT", "EAGAIN", "EROFS", "EACCES", "EIO")


def unfit(store: WritableStore, paths: Sequence[bytes]) -> Mapping[bytes, str]:
    """The paths that the store could not hold as they are, and why, for people.

    Raises:
        UndeterminedError: it cannot be tried.
    """
    told = {path: why for path in paths if (why := store.refused(path)) is not None}
    twins, single = _alike(path for path in paths if path not in told)
    clear_left(store)
    trial = OURS + b"/" + trial_name()
    numbers = itertools.count()
    bad: dict[bytes, str] = {}

    def tried(folders: Iterable[Sequence[bytes]]) -> None:
        for names in folders:
            bad.update(_tried(store, trial + b"/%d" % next(numbers), names))

    with writing(place(store, trial)):
        try:
            tried(twins)
            standing = list(_standing_for_all(single))
            tried(_apart(standing))
            # What only bad names have was not shown to be good: each name that has it is tried itself.
            doubted = _doubted(single, standing, bad)
            tried(_apart(doubted[:_MOST]))
            bad.update(dict.fromkeys(doubted[_MOST:], "names like it would be changed or refused there"))
        finally:
            with suppress(NotFoundError):
                for _ in emptied(store, trial):
                    pass
    for path in paths if bad else ():
        why = next((f"{show(part)}: {bad[part]}" for part in path.split(b"/") if part in bad), None)
        if why is not None:
            told.setdefault(path, why)
    return told


def clear_left(store: WritableStore) -> None:
    """Takes away what killed runs left of their trials; what cannot be taken away is left to the next."""
    with suppress(StoreError, UndeterminedError):
        for name, kind, _ in store.names_in(OURS):
            name = name.rstrip(b"/")
            if is_left(name) and kind is Kind.FILE:
                store.remove(OURS + b"/" + name)
            elif is_left(name) and kind is Kind.DIRECTORY:
                for _ in emptied(store, OURS + b"/" + name):
                    pass


def _alike(paths: Iterable[bytes]) -> tuple[list[list[bytes]], list[bytes]]:
    """Groups of names in one folder that some file systems take for one; and all names that are not plain, in order."""
    alike: dict[tuple[bytes, str], set[bytes]] = {}
    for path in paths:
        parts = path.split(b"/")
        for number, part in enumerate(parts):
            alike.setdefault((b"/".join(parts[:number]), _folded(part)), set()).add(part)
    twins = {frozenset(group) for group in alike.values() if len(group) > 1}
    single = {part for group in alike.values() for part in group if not _is_plain(part)}
    return [sorted(group) for group in sorted(twins, key=sorted)], sorted(single)


def _apart(names: Iterable[bytes]) -> Iterator[list[bytes]]:
    """By the folder of the trial in which they go: those that may be taken for one never lie in the same."""
    layers: list[dict[str, bytes]] = []
    for part in names:
        layer = next((each for each in layers if _folded(part) not in each), None)
        if layer is None:
            layers.append(layer := {})
        layer[_folded(part)] = part
    yield from (list(layer.values()) for layer in layers)


def _is_plain(part: bytes) -> bool:
    return len(part) <= _PLAIN_BYTES and _PLAIN.fullmatch(part) is not None and not _RESERVED.match(part)


def _features(part: bytes) -> set[object]:
    """What a name has that a store may stumble over: neighbouring characters, its ends, a great length."""
    text = "\0" + part.decode("utf-8", "surrogateescape") + "\0"
    has: set[object] = {pair for pair in pairwise(text) if not _both_plain(*pair)}
    if len(part) > _PLAIN_BYTES:
        has.add(len(part))
    if _RESERVED.match(part):
        has.add(part.lower())
    return has


def _standing_for_all(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Those that have something that none before them had."""
    seen: set[object] = set()
    for part in parts:
        has = _features(part)
        if not has <= seen:
            seen |= has
            yield part


def _doubted(parts: Iterable[bytes], standing: Iterable[bytes], bad: Collection[bytes]) -> list[bytes]:
    """Names not yet tried that have something which none has that was tried and is good."""
    tried = set(standing)
    proven = set[object]().union(*(_features(part) for part in tried if part not in bad)) if bad else set()
    return [part for part in parts if bad and part not in tried and not _features(part) <= proven]


def _both_plain(one: str, other: str) -> bool:
    return all(each in "\0_-" or (each.isascii() and each.isalnum()) for each in (one, other))


def _folded(part: bytes) -> str:
    text = part.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())


def _tried(store: WritableStore, folder: bytes, names: Sequence[bytes]) -> dict[bytes, str]:
    """Those that cannot be made, or are not listed as they were made, and why."""
    with ThreadPoolExecutor(max(1, store.in_flight)) as threads:
        made = dict(zip(names, threads.map(lambda name: _made(store, folder + b"/" + name), names), strict=True))
    with reading(place(store, folder)):
        listed = set(names_below(store, folder))
    bad = {name: why for name, why in made.items() if why}
    for name in names:
        if name not in bad and name not in listed:
            bad[name] = "it would be kept there under another name"
    return bad


def _made(store: WritableStore, path: bytes) -> str:
    try:
        put(store, path, b"")
    except ExistsError:
        return "it is taken for one name with another there"
    except (UnavailableError, FullError):
        raise
    except StoreError as error:
        if error.cause in _OF_THE_STORE and not _is_of_the_name(store, path, error):
            return ""  # it stands, if the listing shows it
        return f"it is refused there ({error.cause or error})"
    return ""


def _is_of_the_name(store: WritableStore, path: bytes, error: StoreError) -> bool:
    """Whether it fails again, while a plain name beside it can be made: some servers call that an error of theirs."""
    plain = path.rpartition(b"/")[0] + b"/plain-" + secrets.token_hex(8).encode()
    try:
        put(store, plain, b"")
    except StoreError:
        raise error from None
    try:
        put(store, path, b"")
    except ExistsError:
        return False
    except StoreError:
        return True
    return False
