"""A small file is read in one step; whatever is not as it should be is found all the same."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from checks.buffers import BUFFER_BYTES
from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Evidence
from preserve.bag.pool import LazyPool
from preserve.stores.local import LocalStore
from preserve.stores.local_source import LocalSource

CONTENT = b"alpha" * 100
PAST_CACHE = pytest.mark.parametrize("past_cache", [False, True], ids=["cached", "past the cache"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(CONTENT)
    return tmp_path


def read(
    root: Path,
    name: bytes = b"file",
    *,
    past_cache: bool = False,
    segmented: bool = False,
    sink: Callable[[memoryview], None] | None = None,
    most_bytes: int | None = None,
) -> Reading:
    opening = partial(LocalStore(os.fsencode(root)).open, name, past_cache=past_cache)
    wanted = Wanted(name, opening, None, segmented=segmented, sink=sink, most_bytes=most_bytes)
    return Digester(("sha256", "md5")).read(wanted)


def just_after_reading(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[int]:
    """Does something once, between the first read and the second stat. The list counts reads."""
    real, counts = os.readv, list[int]()

    def readv(fd: int, buffers: list[memoryview]) -> int:
        counts.append(real(fd, buffers))
        if len(counts) == 1:
            act()
        return counts[-1]

    monkeypatch.setattr(os, "readv", readv)
    return counts


@PAST_CACHE
@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 65535, 65536, 65537, BUFFER_BYTES])
def test_digests_sizes_and_sinks_are_those_of_the_whole_file(root: Path, size: int, past_cache: bool) -> None:
    content, sunk = os.urandom(size), bytearray()
    (root / "file").write_bytes(content)
    reading = read(root, past_cache=past_cache, sink=sunk.extend, segmented=True)
    assert reading.sound and reading.size_bytes == reading.bytes_read == size and bytes(sunk) == content
    assert reading.digests == {"sha256": hashlib.sha256(content).digest(), "md5": hashlib.md5(content).digest()}
    assert reading.stat == LocalStore(os.fsencode(root)).stat(b"file")


@PAST_CACHE
def test_a_small_file_takes_one_read(root: Path, past_cache: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = just_after_reading(monkeypatch, lambda: None)
    assert read(root, past_cache=past_cache).sound
    assert counts == [len(CONTENT)]


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    seen = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns + 1))


@PAST_CACHE
@pytest.mark.parametrize(
    "change",
    [grow, lambda path: os.truncate(path, 7), rewrite, lambda path: path.unlink()],
    ids=["grows", "shrinks", "is rewritten at its size", "vanishes"],
)
def test_what_changes_between_the_looks_is_told(
    root: Path, change: Callable[[Path], object], past_cache: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sunk = bytearray()
    just_after_reading(monkeypatch, lambda: change(root / "file"))
    reading = read(root, past_cache=past_cache, sink=sunk.extend)
    assert reading.changed and not reading.sound
    assert len(sunk) == reading.bytes_read


@pytest.mark.parametrize("size", [7, len(CONTENT) + 7])
def test_what_changed_between_opening_and_reading_is_told(
    root: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LocalSource.whole

    def whole(self: LocalSource, *arguments: object) -> object:
        os.truncate(root / "file", size)
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalSource, "whole", whole)
    assert read(root).changed


def test_a_read_that_stops_short_is_gone_on_with(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.readv
    monkeypatch.setattr(os, "readv", lambda fd, buffers: real(fd, [buffers[0][:3]]))
    reading = read(root)
    assert reading.sound and reading.digests["sha256"] == hashlib.sha256(CONTENT).digest()


@pytest.mark.parametrize("call", ["readv", "fstat"])
def test_a_failing_read_or_stat_is_a_problem_and_leaves_nothing_open(
    root: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = getattr(os, call), list[int]()

    def failing(fd: int, *arguments: object) -> object:
        seen.append(fd)
        if call == "fstat" and len(seen) == 1:
            return real(fd, *arguments)  # the look at opening
        raise OSError(errno.EIO, "Input/output error")

    before = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        reading = read(root)
    assert reading.problem == "EIO" and reading.digests == {} and not reading.sound
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_sink_that_fails_ends_it_and_leaves_nothing_open(root: Path) -> None:
    def full(_: memoryview) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="No space"):
        read(root, sink=full)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_pipe_is_not_waited_for_and_links_and_folders_are_not_read(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to("file")
    (root / "folder").mkdir()
    for name in (b"pipe", b"link", b"folder"):
        assert read(root, name).wrong_kind
    assert read(root, b"none").missing and read(root, b"none/file").missing


@pytest.mark.parametrize("most_bytes", [0, len(CONTENT) - 1])
def test_what_is_longer_than_asked_for_is_not_read(
    root: Path, most_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = just_after_reading(monkeypatch, lambda: None)
    reading = read(root, most_bytes=most_bytes)
    assert reading.longer and reading.evidence is Evidence.SIZED and counts == []


def test_an_offset_or_a_length_reads_only_that_part(root: Path) -> None:
    opening = partial(LocalStore(os.fsencode(root)).open, b"file", past_cache=False, offset=5)
    reading = Digester(("sha256",)).read(Wanted(b"file", opening, None, offset=5, length=10))
    assert reading.sound and reading.digests["sha256"] == hashlib.sha256(CONTENT[5:15]).digest()


def test_large_and_small_files_come_in_the_order_asked_for(root: Path) -> None:
    contents = {b"%03d" % n: os.urandom(700_000 if n % 7 == 3 else n) for n in range(60)}
    for name, content in contents.items():
        (root / os.fsdecode(name)).write_bytes(content)
    store = LocalStore(os.fsencode(root))
    with LazyPool(2) as pool:
        wanted = (Wanted(name, partial(store.open, name, past_cache=False), None) for name in contents)
        readings = list(Digester(("sha256",), pool).observe(wanted))
    assert [(r.path, r.digests["sha256"]) for r in readings] == [
        (name, hashlib.sha256(content).digest()) for name, content in contents.items()
    ]
    assert {thread.name for thread in threading.enumerate() if thread.name.startswith("file")} == set()
