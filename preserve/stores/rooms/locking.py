"""A lock far away: a small file that one process makes, renews while it works, and takes away at its end.

Its lines: the format; a random word, the holder (`host:pid:start`), and until when it is held (UTC); then, where a file
can be added to but not replaced, one line for each renewal. Whose time ran out, or who is a dead process of this
machine, is followed by another. Where the far side tells when a file was last written to, a lock that was renewed
lately by its clock is not over, whatever the clock of this machine says; where it does not (S3), that the clocks of two
machines agree within minutes is taken for granted.
"""

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checks.ports import Kind, NotFoundError, StoreError
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.capabilities import Renaming, Replacing
from preserve.stores.holders import is_dead, this_process
from preserve.stores.port import ExistsError, WritableStore
from preserve.stores.rooms.writing import content_of, place, put, writing

_FORMAT = b"preserve-lock/1\n"
_HELD = re.compile(rb"([0-9a-f]{32}) (\S+) ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\n")
_LIMIT_BYTES = 64 << 10
_TRIES = 5
_PUTTING_AWAY = re.compile(rb"(\.([0-9a-f]{16}|none))+(\.over)?")
_LEFT = timedelta(days=1)
_CLOCK = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How locks are held.

    Attributes:
        holds_for: how long one lasts that nobody renews.
        renewed_every: None: never, for tests that move the clock; then the far side's clock is not asked either.
    """

    holds_for: timedelta = timedelta(minutes=15)
    renewed_every: timedelta | None = timedelta(minutes=4)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    holder: Callable[[], str] = this_process
    dead: Callable[[str], bool] = is_dead


@dataclass(frozen=True, slots=True)
class _Seen:
    """A lock file. `word` is empty for a file that is no lock."""

    word: bytes
    holder: str
    until: datetime | None
    token: object
    modified_ns: int | None = None  # by the far side's clock


class Held:
    """A lock while it is held."""

    def __init__(self, store: WritableStore, path: bytes, terms: Terms, word: bytes, until: datetime) -> None:
        self._store = store
        self._path = path
        self._terms = terms
        self._word = word
        self._until = until
        self._lost = False

    def ensure(self) -> None:
        """Called before what cannot be undone: UndeterminedError if somebody else may hold it now."""
        if self._lost or self._terms.clock() >= self._until:
            raise UndeterminedError(
                f"{place(self._store, self._path)}: the lock was lost while it was needed: its time ran out",
                remedy="Run the command again; it goes on. Look at the connection if this happens again.",
            )

    def renew(self) -> None:
        """Holds it for longer; no error: where that fails, its time runs out."""
        until = self._terms.clock() + self._terms.holds_for
        with suppress(StoreError):
            seen = _seen(self._store, self._path)
            if seen is None or seen.word != self._word:
                self._lost = True
                return
            line = _line(self._word, self._terms.holder(), until)
            if isinstance(self._store, Replacing):
                with self._store.replacing(self._path, seen.token) as sink:
                    sink(memoryview(_FORMAT + line))
            else:
                self._store.append(self._path, line)
            self._until = until

    def release(self) -> None:
        """Takes it away, if it is still this one; where that fails, its time runs out."""
        with suppress(StoreError):
            seen = _seen(self._store, self._path)
            if seen is not None and seen.word == self._word:
                self._store.remove(self._path)


@contextmanager
def locked(store: WritableStore, path: bytes, *, busy: str, remedy: str, terms: Terms) -> Iterator[Held]:
    """Holds the lock as long as the context lasts.

    Raises:
        UsageError: another process holds it; `busy` and `remedy` say so, with who and until when.
        UndeterminedError: it cannot be made.
    """
    held = _taken(store, path, busy, remedy, terms)
    if not isinstance(store, Replacing):
        _clear_left(store, path, terms)
    stop = threading.Event()
    renewing = None
    if terms.renewed_every is not None:
        every = terms.renewed_every.total_seconds()
        renewing = threading.Thread(target=_renewing, args=(held, stop, every), name="lock", daemon=True)
        renewing.start()
    try:
        yield held
    finally:
        stop.set()
        if renewing is not None:
            renewing.join()
        held.release()


def _renewing(held: Held, stop: threading.Event, every_seconds: float) -> None:
    while not stop.wait(every_seconds):
        held.renew()


def _taken(store: WritableStore, path: bytes, busy: str, remedy: str, terms: Terms) -> Held:
    for _ in range(_TRIES):
        word = secrets.token_hex(16).encode()
        until = terms.clock() + terms.holds_for
        line = _line(word, terms.holder(), until)
        held = Held(store, path, terms, word, until)
        with writing(place(store, path)):
            if _made(store, path, line):
                return held
            seen = _seen(store, path)
            if seen is None:
                continue  # whoever held it has just ended
            if not _is_over(seen, terms) or _renewed_lately(store, path, seen, terms):
                raise _busy(seen, busy, remedy)
            if isinstance(store, Replacing):
                if _replaced(store, path, seen, line):
                    return held
            else:
                _put_away(store, path, seen, busy, remedy, terms)
    raise UsageError(busy, remedy=remedy)


def _made(store: WritableStore, path: bytes, line: bytes) -> bool:
    try:
        put(store, path, _FORMAT + line)
    except ExistsError:
        # An answer that was lost on its way is asked for again, and then it is our own that stands there.
        seen = _seen(store, path)
        return seen is not None and seen.word == line.split(b" ")[0]
    return True


def _replaced(store: Replacing, path: bytes, seen: _Seen, line: bytes) -> bool:
    """Of two that follow the same holder, the store lets one win: it replaces what was seen, and nothing else."""
    try:
        with store.replacing(path, seen.token) as sink:
            sink(memoryview(_FORMAT + line))
    except NotFoundError:
        return False
    except StoreError as error:
        if error.cause == "changed":
            return False
        raise
    return True


def _put_away(store: WritableStore, path: bytes, seen: _Seen, busy: str, remedy: str, terms: Terms) -> None:
    """Takes a lock away that is over. Who may do that is decided by a lock on just this one, named by its word."""
    name = seen.word[:16] or b"none"
    with _one_putting_away(store, path + b"." + name, busy, remedy, terms):
        now = _seen(store, path)
        if now is None or now.word != seen.word or not _is_over(now, terms):
            return
        if not isinstance(store, Renaming):
            store.remove(path)
            return
        # Its holder may wake up this very moment and another follow: what is moved aside is looked at once more.
        aside = path + b"." + secrets.token_hex(8).encode() + b".over"
        with suppress(NotFoundError):
            store.rename(path, aside)
            moved = _seen(store, aside)
            if moved is None or moved.word == seen.word:
                store.remove(aside)
            else:
                with suppress(ExistsError):
                    store.rename(aside, path)


def _clear_left(store: WritableStore, path: bytes, terms: Terms) -> None:
    """Takes away what runs left that were killed while they put a dead one's lock away. The lock itself is held here.

    Who still works on such a file has lost nothing by it: the lock that it speaks of is gone.
    """
    folder, _, lock = path.rpartition(b"/")
    with suppress(StoreError):
        for name, kind, _ in store.names_in(folder):
            if kind is Kind.FILE and name.startswith(lock) and _PUTTING_AWAY.fullmatch(name, len(lock)):
                seen = _seen(store, folder + b"/" + name)
                if seen is not None and seen.until is not None and _is_left(seen, seen.until, terms):
                    with suppress(NotFoundError):
                        store.remove(folder + b"/" + name)


def _is_left(seen: _Seen, until: datetime, terms: Terms) -> bool:
    return terms.dead(seen.holder) or until < terms.clock() - _LEFT


@contextmanager
def _one_putting_away(store: WritableStore, path: bytes, busy: str, remedy: str, terms: Terms) -> Iterator[None]:
    held = _taken(store, path, busy, remedy, terms)
    try:
        yield
    finally:
        held.release()


def _seen(store: WritableStore, path: bytes) -> _Seen | None:
    """What stands there, believed as far as it can be; None if nothing does."""
    try:
        stat = store.stat(path)
        content = content_of(store, path, _LIMIT_BYTES)
    except NotFoundError:
        return None
    first = _HELD.match(content, len(_FORMAT)) if content.startswith(_FORMAT) else None
    if first is None:
        return _Seen(b"", "", None, stat.token)
    until = max(_time(line[3]) for line in _HELD.finditer(content) if line[1] == first[1])
    return _Seen(first[1], first[2].decode("utf-8", "replace"), until, stat.token, stat.modified_ns)


def _is_over(seen: _Seen, terms: Terms) -> bool:
    """A file that is no lock was made by nobody of ours: a lock stands whole, or not at all."""
    return seen.until is None or seen.until <= terms.clock() or terms.dead(seen.holder)


def _renewed_lately(store: WritableStore, path: bytes, seen: _Seen, terms: Terms) -> bool:
    """Whether a lock that is over by our clock is not by that of the far side, which is the same for all.

    What a dead process of this machine holds is over by any clock.
    """
    if seen.modified_ns is None or seen.until is None or terms.renewed_every is None or terms.dead(seen.holder):
        return False
    just_made = path + b"." + secrets.token_hex(8).encode() + b".now"
    put(store, just_made, b"")
    try:
        now_ns = store.stat(just_made).modified_ns
    finally:
        store.remove(just_made)
    return now_ns is not None and now_ns - seen.modified_ns < terms.holds_for.total_seconds() * 1e9


def _busy(seen: _Seen, busy: str, remedy: str) -> UsageError:
    assert seen.until is not None
    return UsageError(f"{busy} ({seen.holder}, at the latest until {seen.until:%Y-%m-%d %H:%M:%S} UTC)", remedy=remedy)


def _line(word: bytes, holder: str, until: datetime) -> bytes:
    name = re.sub(r"\s", "_", holder).encode("utf-8", "backslashreplace")
    return b"%b %b %b\n" % (word, name, until.astimezone(UTC).strftime(_CLOCK).encode())


def _time(text: bytes) -> datetime:
    try:
        return datetime.strptime(text.decode(), _CLOCK).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
