"""Writing to a real SFTP server: whole or not at all, never over anything, gone on with after a cut."""

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from checks.ports import NotFoundError, StoreError, WrongKindError
from preserve.stores.capabilities import Renaming, Resuming
from preserve.stores.port import ExistsError, FullError, WritableStore
from preserve.stores.sftp.store import SftpStore
from preserve.stores.sftp.writing import RESUMED_FROM_BYTES
from tests.support.bad_lines import BadLine
from tests.support.sftp_server import SftpServer, sftp_server

MIB = 1 << 20
AT = 1_234_567_890_000_000_000


@pytest.fixture
def server() -> Iterator[SftpServer]:
    with sftp_server() as running:
        yield running


@pytest.fixture
def store(server: SftpServer) -> Iterator[SftpStore]:
    opened = server.store()
    yield opened
    opened.close()


@pytest.fixture
def line(server: SftpServer) -> Iterator[BadLine]:
    with BadLine(server.port) as bad:
        yield bad


@pytest.fixture
def far(server: SftpServer, line: BadLine) -> Iterator[SftpStore]:
    """The store at the end of the bad line."""
    known = server.root.parent / "known_line"
    known.write_text(server.known_hosts.read_text().replace(str(server.port), str(line.port)))
    opened = server.store(port=line.port, known_hosts=known)
    opened.identity()
    yield opened
    opened.close()


def write(store: SftpStore, path: bytes, content: bytes, **given: int) -> None:
    with store.create(path, size_bytes=len(content), **given) as sink:  # type: ignore[arg-type]
        for place in range(0, len(content), MIB):
            sink(memoryview(content)[place : place + MIB])


def names(folder: Path) -> list[str]:
    return sorted(each for each in os.listdir(folder) if each != ".preserve")


def test_it_is_what_the_port_asks_for(store: SftpStore) -> None:
    writable: WritableStore = store
    assert isinstance(writable, Renaming) and isinstance(writable, Resuming)
    assert writable.in_flight > 1 and writable.where.startswith("sftp://127.0.0.1:")


@pytest.mark.parametrize("size", [0, 1, 70_000, MIB, 9 * MIB + 5])
def test_a_new_file_stands_whole_with_its_time(server: SftpServer, store: SftpStore, size: int) -> None:
    content = secrets.token_bytes(size)
    write(store, b"a/b/file", content, modified_ns=AT)
    file = server.root / "a" / "b" / "file"
    assert file.read_bytes() == content and file.stat().st_mtime_ns == AT
    assert names(file.parent) == ["file"]
    assert store.stat(b"a/b/file").modified_ns == AT


def test_what_is_given_may_change_once_the_sink_returned(server: SftpServer, store: SftpStore) -> None:
    buffer = bytearray(MIB)
    with store.create(b"file") as sink:
        for n in range(20):
            buffer[:] = bytes([n]) * MIB
            sink(memoryview(buffer))
    assert (server.root / "file").read_bytes() == b"".join(bytes([n]) * MIB for n in range(20))


@pytest.mark.parametrize("kind", ["file", "folder", "link", "link to nothing"])
def test_nothing_is_written_over(server: SftpServer, store: SftpStore, kind: str) -> None:
    there = server.root / "there"
    (server.root / "other").write_bytes(b"other")
    match kind:
        case "file":
            there.write_bytes(b"content")
        case "folder":
            there.mkdir()
        case "link":
            there.symlink_to("other")
        case _:
            there.symlink_to("nothing")
    with pytest.raises(ExistsError):
        write(store, b"there", b"new")
    with pytest.raises(ExistsError):
        store.rename(b"other", b"there")
    assert names(server.root) == ["other", "there"]
    assert (server.root / "other").read_bytes() == b"other" and (kind != "file" or there.read_bytes() == b"content")


def test_what_stands_there_when_it_is_done_is_not_replaced(server: SftpServer, store: SftpStore) -> None:
    with pytest.raises(ExistsError), store.create(b"file") as sink:
        sink(memoryview(b"new"))
        (server.root / "file").write_bytes(b"of another")
    assert (server.root / "file").read_bytes() == b"of another" and names(server.root) == ["file"]


def test_two_at_once_do_not_both_write_one_file(server: SftpServer, store: SftpStore) -> None:
    with store.create(b"file") as sink:
        sink(memoryview(b"first"))
        with pytest.raises(ExistsError):
            write(store, b"file", b"second")
    assert (server.root / "file").read_bytes() == b"first"


def test_left_by_an_exception_nothing_stands(server: SftpServer, store: SftpStore) -> None:
    with pytest.raises(ZeroDivisionError), store.create(b"file") as sink:
        sink(memoryview(b"half"))
        raise ZeroDivisionError
    with (
        pytest.raises(StoreError, match="5 bytes were given for a file of 6"),
        store.create(b"file", size_bytes=6) as s,
    ):
        s(memoryview(b"short"))
    assert names(server.root) == []


def test_what_a_killed_run_left_of_a_small_file_is_taken_away_by_the_next(
    server: SftpServer, line: BadLine, far: SftpStore
) -> None:
    with pytest.raises(StoreError) as cut, far.create(b"file") as sink:
        line.cut_after(up=0)
        sink(memoryview(bytes(MIB)))
    assert cut.value.cause == "ECONNRESET"
    write(far, b"file", b"whole")
    assert names(server.root) == ["file"] and (server.root / "file").read_bytes() == b"whole"


def test_a_large_file_is_gone_on_with_after_a_cut(server: SftpServer, line: BadLine, far: SftpStore) -> None:
    content = secrets.token_bytes(30 * MIB + 7)
    assert far.written(b"a/file") == 0
    line.cut_after(up=20 * MIB)
    with pytest.raises(StoreError) as cut:
        write(far, b"a/file", content)
    assert cut.value.cause == "ECONNRESET" and not (server.root / "a" / "file").exists()
    offset = far.written(b"a/file")
    assert RESUMED_FROM_BYTES <= offset <= 20 * MIB and offset % MIB == 0
    with far.resume(b"a/file", offset, size_bytes=len(content), modified_ns=AT) as sink:
        sink(memoryview(content)[offset:])
    assert (server.root / "a" / "file").read_bytes() == content and names(server.root / "a") == ["file"]
    assert (server.root / "a" / "file").stat().st_mtime_ns == AT
    assert far.written(b"a/file") == 0


def test_a_file_begun_anew_takes_away_what_could_be_gone_on_with(server: SftpServer, store: SftpStore) -> None:
    with pytest.raises(ZeroDivisionError), store.create(b"file") as sink:
        sink(memoryview(bytes(10 * MIB)))
        sink(memoryview(bytes(10 * MIB)))
        raise ZeroDivisionError
    assert store.written(b"file") >= RESUMED_FROM_BYTES
    write(store, b"file", b"another")
    assert names(server.root) == ["file"] and (server.root / "file").read_bytes() == b"another"


def test_what_is_longer_than_the_file_is_cut_back(server: SftpServer, store: SftpStore) -> None:
    with pytest.raises(ZeroDivisionError), store.create(b"file") as sink:
        sink(memoryview(b"x" * (12 * MIB)))
        sink(memoryview(b"x" * (12 * MIB)))
        raise ZeroDivisionError
    content = b"x" * (9 * MIB + 1)
    with store.resume(b"file", 9 * MIB, size_bytes=len(content)) as sink:
        sink(memoryview(content)[9 * MIB :])
    assert (server.root / "file").read_bytes() == content


def test_lines_are_added_by_many_at_once(server: SftpServer, store: SftpStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.append(b"heads/list", b"%04d\n" % n), range(200)))
    assert sorted((server.root / "heads" / "list").read_bytes().split()) == [b"%04d" % n for n in range(200)]
    (server.root / "link").symlink_to("heads/list")
    with pytest.raises(WrongKindError):
        store.append(b"link", b"x")


def test_files_and_folders_are_renamed_and_removed(server: SftpServer, store: SftpStore) -> None:
    write(store, b"a/b/file", b"content")
    store.rename(b"a/b", b"c")
    assert store.stat(b"c/file").size_bytes == 7 and names(server.root) == ["a", "c"]
    with pytest.raises(NotFoundError):
        store.stat(b"a/b/file")
    with pytest.raises(StoreError):
        store.remove_folder(b"c")
    store.rename(b"c/file", b"a/file")
    store.remove_folder(b"c")
    store.remove(b"a/file")
    for remove in (store.remove, store.remove_folder):
        with pytest.raises(NotFoundError):
            remove(b"a/file")
    assert names(server.root) == ["a"]


def test_a_server_that_takes_no_writes_says_so(server: SftpServer) -> None:
    server.stop()
    server.start("-R")
    store = server.store()
    writes: tuple[Callable[[], None], ...] = (
        lambda: write(store, b"file", b"x"),
        lambda: write(store, b"folder/file", b"x"),
        lambda: store.append(b"file", b"x"),
        lambda: store.remove(b".preserve/identity.json"),
        lambda: store.rename(b".preserve", b"x"),
    )
    for write_something in writes:
        with pytest.raises(StoreError) as refused:
            write_something()
        assert refused.value.cause == "EACCES"
    store.close()
    assert names(server.root) == []


# A full disk is made by a mount: only where that can be done is there such a test.
if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0:

    def test_a_full_disk_is_told_as_full_and_nothing_is_left(server: SftpServer, store: SftpStore) -> None:
        disk = server.root / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], check=True)
        try:
            small = server.store(path=bytes(disk))
            free = small.free_bytes()
            assert free is not None and 3 * MIB < free <= 4 * MIB
            with pytest.raises(FullError):
                write(small, b"file", bytes(6 * MIB))
            assert names(disk) == []
            write(small, b"file", bytes(2 * MIB))
            small.close()
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


def test_names_that_cannot_be_are_told_beforehand(server: SftpServer, store: SftpStore) -> None:
    for bad in (b"x" * 256, b"a\0b", b"a/../b", b"/a", b"a//b", b"", b"d/" * 2100 + b"x"):
        assert store.refused(bad)
        with pytest.raises(StoreError):
            write(store, bad or b"x/", b"")
    for good in (b"x" * 255, b"\xff\xfe", "ប្រាសាទ".encode(), b"a\nb", b" "):
        assert store.refused(good) is None
        write(store, b"odd/" + good, good)
        assert (server.root / "odd" / os.fsdecode(good)).read_bytes() == good


def test_a_store_that_is_closed_keeps_nobody_waiting(server: SftpServer, store: SftpStore) -> None:
    (server.root / "file").write_bytes(bytes(9 * MIB))
    source = store.open(b"file", past_cache=True)
    with pytest.raises(StoreError) as cut, store.create(b"new") as sink:
        sink(memoryview(bytes(MIB)))
        store.close()
        for _ in range(10):
            sink(memoryview(bytes(MIB)))
    assert cut.value.cause == "ECONNRESET"
    with pytest.raises(StoreError):
        source.readinto(memoryview(bytearray(MIB)))
    source.close()
    assert not (server.root / "new").exists()
