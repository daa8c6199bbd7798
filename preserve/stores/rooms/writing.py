"""Small and large files written to, and read from, a store that is far away; words for what goes wrong there."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from hashlib import sha256
from typing import Protocol

from checks.buffers import new_buffer
from checks.digesting import Digester, Reading, Wanted
from checks.names import show
from checks.ports import NotFoundError, StoreError, UnavailableError
from preserve.errors import UndeterminedError
from preserve.stores.port import FullError, Sink, WritableStore

_TRIES = 2  # of reading a small file that changed meanwhile


def place(store: WritableStore, path: bytes) -> str:
    """What to call a path of a store when speaking to people."""
    return f"{store.where.rstrip('/')}/{show(path)}"


@contextmanager
def writing(where: str) -> Iterator[None]:
    """Turns what a store says of a write into an error that says what to do."""
    try:
        yield
    except FullError as error:
        raise UndeterminedError(
            f"{where}: there is no room left", remedy="Make room and run the same command again; it goes on."
        ) from error
    except UnavailableError as error:
        raise UndeterminedError(
            f"{where}: it is not there: {error.cause or error}", remedy="Connect it, then run the same command again."
        ) from error
    except StoreError as error:
        raise UndeterminedError(f"{where}: cannot be written: {_cause(error)}") from error


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turns what a store says of a read into an error that names the file."""
    try:
        yield
    except StoreError as error:
        raise UndeterminedError(f"{where}: cannot be read: {_cause(error)}") from error


def _cause(error: StoreError) -> str:
    return error.cause or str(error)


class _OtherThanTold(Exception):
    """What was given is not what was promised. Never leaves this module: its giver knows."""


class Writing(Protocol):
    """What opens a new file, such as `WritableStore.create`."""

    def __call__(
        self, *, size_bytes: int | None = None, sha256: bytes | None = None
    ) -> AbstractContextManager[Sink]: ...


@contextmanager
def given(
    opening: Writing,
    where: str,
    size_bytes: int | None,
    digest: bytes | None,
    done: Callable[[int], None] = lambda size_bytes: None,
) -> Iterator[Sink]:
    """Writes one new file from the buffers given to the sink, in order.

    Where size and digest were told, and other bytes come, nothing stands at the end: whoever gave them sees as much,
    and the far side is not asked to judge what this side knows. Errors of the store are told in words (see `writing`);
    what the giver raises goes through as it is, and nothing stands then either.

    Args:
        opening: makes the context, given the size and the digest.
        done: is told of the size once the file stands.
    """
    counted, seen = 0, sha256() if digest is not None else None
    with writing(where):
        context = opening(size_bytes=size_bytes, sha256=digest)
        sink = context.__enter__()

    def take(buffer: memoryview) -> None:
        nonlocal counted
        counted += len(buffer)
        if seen is not None:
            seen.update(buffer)
        if size_bytes is None or counted <= size_bytes:
            with writing(where):
                sink(buffer)

    try:
        yield take
        if size_bytes not in (None, counted) or (seen is not None and seen.digest() != digest):
            raise _OtherThanTold
    except BaseException as error:
        with suppress(StoreError):
            context.__exit__(type(error), error, error.__traceback__)
        if not isinstance(error, _OtherThanTold):
            raise
    else:
        with writing(where):
            context.__exit__(None, None, None)
        done(counted)


def put(store: WritableStore, path: bytes, content: bytes) -> None:
    """A small new file, whole when this returns; raises what `WritableStore.create` does."""
    with store.create(path, size_bytes=len(content), sha256=sha256(content).digest()) as sink:
        sink(memoryview(content))


def content_of(store: WritableStore, path: bytes, most_bytes: int) -> bytes:
    """The first bytes of a small file as it was at one moment; raises what `Store.open` does."""
    for _ in range(_TRIES):
        source = store.open(path, past_cache=True)
        try:
            before = source.stat().token
            content = bytearray(most_bytes)
            view, count = memoryview(content), 0
            while count < most_bytes and (got := source.readinto(view[count : count + (1 << 20)])):
                count += got
            if source.stat().token == before:
                return bytes(view[:count])
        finally:
            source.close()
    raise StoreError(f"{show(path)}: it changed while it was read", cause="changed")


def digested(store: WritableStore, path: bytes) -> Reading:
    """A whole file, read past the cache."""
    wanted = Wanted(path=path, open=partial(store.open, path, past_cache=True), expected_bytes=None)
    return Digester(("sha256",)).read(wanted)


def copy(store: WritableStore, source: bytes, opening: Writing, target: bytes) -> Reading:
    """Copies a file through this machine, and reads the copy back; the reading is of the source.

    Raises:
        UndeterminedError: the source could not be read as one unchanging file, and nothing stands at the target; or it
            cannot be written, or does not read back as it was.
    """
    found = digested(store, source)
    _refuse_unread(store, source, found)
    digest = found.digests["sha256"]
    with given(opening, place(store, target), found.size_bytes, digest) as sink:
        _pump(store, source, sink)
    refuse_other(store, target, digest)
    return found


def _pump(store: WritableStore, path: bytes, sink: Sink) -> None:
    buffer = new_buffer()
    with reading(place(store, path)):
        source = store.open(path, past_cache=True)
        try:
            while got := source.readinto(buffer):
                sink(buffer[:got])
        finally:
            source.close()


def refuse_other(store: WritableStore, path: bytes, digest: bytes) -> None:
    """Reads what was written back; UndeterminedError if it is not that."""
    back = digested(store, path)
    if not back.sound or back.digests["sha256"] != digest:
        said = "it is not there" if back.missing else back.problem or "its content is another"
        raise UndeterminedError(
            f"{place(store, path)}: what was written does not read back: {said}",
            remedy="Suspect this store, or who else writes there.",
        )


def _refuse_unread(store: WritableStore, path: bytes, found: Reading) -> None:
    if not found.sound:
        said = "it is not there" if found.missing else found.problem or "it changed while it was read"
        raise UndeterminedError(
            f"{place(store, path)}: cannot be copied: {said}", remedy="Nothing was moved. Look at it, then try again."
        )


def stands(store: WritableStore, path: bytes) -> bool:
    """Whether anything stands there; UndeterminedError if it cannot be told."""
    try:
        with reading(place(store, path)):
            store.stat(path)
    except UndeterminedError as error:
        if isinstance(error.__cause__, NotFoundError):
            return False
        raise
    return True


def names_below(store: WritableStore, folder: bytes) -> list[bytes]:
    """The names in one folder of ours, those of folders with `/` at their end; none if there is no such folder."""
    try:
        return [name for name, _, _ in store.names_in(folder)]
    except NotFoundError:
        return []
