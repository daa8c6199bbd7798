"""Which names a file system far away could not hold, or would change: tried there for real.

They are made in a folder of ours, listed again as bytes and taken away. Where there are very many, those are tried that
hold each pair of neighbouring characters, each length and each pair of names that some file systems take for one.
"""

import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

from checks.names import show
from checks.ports import NotFoundError, StoreError, UnavailableError
from preserve.stores.identity import OURS
from preserve.stores.port import ExistsError, FullError, WritableStore
from preserve.stores.rooms.emptying import emptied
from preserve.stores.rooms.writing import names_below, place, put, reading, writing

_PLAIN = re.compile(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_PLAIN_BYTES = 100  # no file system of today takes fewer
_RESERVED = re.compile(rb"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)  # Windows' devices
_OF_THE_STORE = ("ECONNRESET", "ETIMEDOUT", "EAGAIN", "EROFS", "EACCES", "EIO")


def unfit(store: WritableStore, paths: Sequence[bytes]) -> Mapping[bytes, str]:
    """The paths that the store could not hold as they are, and why, for people.

    Raises:
        UndeterminedError: it cannot be tried.
    """
    told = {path: why for path in paths if (why := store.refused(path)) is not None}
    folders = list(_arranged(path for path in paths if path not in told))
    trial = OURS + b"/trial-" + secrets.token_hex(8).encode()
    bad: dict[bytes, str] = {}
    with writing(place(store, trial)):
        try:
            for number, names in enumerate(folders):
                bad |= _tried(store, trial + b"/%d" % number, names)
        finally:
            with suppress(NotFoundError):
                for _ in emptied(store, trial):
                    pass
    for path in paths if bad else ():
        why = next((f"{show(part)}: {bad[part]}" for part in path.split(b"/") if part in bad), None)
        if why is not None:
            told.setdefault(path, why)
    return told


def _arranged(paths: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Names to be tried, by the folder of the trial in which they go: only twins of one folder lie in one."""
    alike: dict[tuple[bytes, str], set[bytes]] = {}
    for path in paths:
        parts = path.split(b"/")
        for number, part in enumerate(parts):
            alike.setdefault((b"/".join(parts[:number]), _folded(part)), set()).add(part)
    twins = {frozenset(group) for group in alike.values() if len(group) > 1}
    single = {part for group in alike.values() for part in group}
    yield from (sorted(group) for group in sorted(twins, key=sorted))
    layers: list[dict[str, bytes]] = []
    for part in _standing_for_all(sorted(single)):
        layer = next((each for each in layers if _folded(part) not in each), None)
        if layer is None:
            layers.append(layer := {})
        layer[_folded(part)] = part
    yield from (list(layer.values()) for layer in layers)


def _standing_for_all(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Those that are not plain, and have something that none before them had."""
    seen: set[object] = set()
    for part in parts:
        if len(part) <= _PLAIN_BYTES and _PLAIN.fullmatch(part) and not _RESERVED.match(part):
            continue
        text = "\0" + part.decode("utf-8", "surrogateescape") + "\0"
        has: set[object] = {pair for pair in pairwise(text) if not _both_plain(*pair)}
        if len(part) > _PLAIN_BYTES:
            has.add(len(part))
        if _RESERVED.match(part):
            has.add(part.lower())
        if not has <= seen:
            seen |= has
            yield part


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
        if error.cause in _OF_THE_STORE:
            raise
        return f"it is refused there ({error.cause or error})"
    return ""
