"""Reading from a real SFTP server: names, links, FIFOs, cuts, silence; and what is true of what was read."""

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from checks.buffers import new_buffer
from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Evidence
from checks.ports import Kind, NotFoundError, StoreError, UnavailableError, WrongKindError
from preserve.stores.retrying import Retrying
from preserve.stores.sftp import session
from preserve.stores.sftp.store import SftpStore
from tests.support.bad_lines import BadLine
from tests.support.sftp_server import IDENTITY, NOBODY, SftpServer, sftp_server

NAMES = [
    b"plain",
    "ប្រាសាទ".encode(),
    b"new\nline",
    b"not utf-8 \xff\xfe",
    b" ",
    b"-rf",
    b"*?[",
    b"\x01\x7f",
    b"x" * 255,
]


@pytest.fixture
def server() -> Iterator[SftpServer]:
    with sftp_server() as running:
        yield running


@pytest.fixture
def store(server: SftpServer) -> Iterator[SftpStore]:
    opened = server.store()
    yield opened
    opened.close()


def read(store: SftpStore | Retrying, path: bytes, expected_bytes: int | None = None) -> Reading:
    wanted = Wanted(path, partial(store.open, path, past_cache=True, expected_bytes=expected_bytes), expected_bytes)
    return Digester(("sha256",)).read(wanted)


def put(server: SftpServer, path: bytes, content: bytes) -> bytes:
    full = os.path.join(bytes(server.root), path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    Path(os.fsdecode(full)).write_bytes(content)
    return hashlib.sha256(content).digest()


@pytest.mark.parametrize("size", [0, 1, 4096, 65535, 65536, 65537, 261120, 1 << 20, (9 << 20) + 17])
def test_a_file_of_any_size_is_read_to_its_end(server: SftpServer, store: SftpStore, size: int) -> None:
    digest = put(server, b"file", secrets.token_bytes(size))
    found = read(store, b"file", size)
    assert found.sound and found.digests == {"sha256": digest} and found.size_bytes == found.bytes_read == size
    assert found.evidence is Evidence.READ
    assert found.stat is not None and found.stat.token == store.stat(b"file").token


def test_a_file_is_read_from_an_offset_on(server: SftpServer, store: SftpStore) -> None:
    content = secrets.token_bytes(3 << 20)
    put(server, b"file", content)
    for offset in (1, 70_000, 2 << 20, len(content), len(content) + 5):
        source = store.open(b"file", past_cache=False, offset=offset)
        assert b"".join(iter(lambda source=source: taken(source.readinto), b"")) == content[offset:]  # type: ignore[misc]
        source.close()


def taken(readinto: Callable[[memoryview], int], size: int = 100_000) -> bytes:
    buffer = memoryview(bytearray(size))
    return bytes(buffer[: readinto(buffer)])


def test_names_are_bytes(server: SftpServer, store: SftpStore) -> None:
    digests = {name: put(server, b"odd/" + name, name) for name in NAMES}
    assert sorted(each.path for each in store.listing(b"odd")) == sorted(NAMES)
    assert [name for name, _, _ in store.names_in(b"odd")] == sorted(NAMES)
    for name, digest in digests.items():
        assert read(store, b"odd/" + name).digests == {"sha256": digest}


def test_ten_thousand_names_are_listed_in_order(server: SftpServer, store: SftpStore) -> None:
    folder = server.root / "many"
    folder.mkdir()
    for n in range(10_000):
        (folder / f"{n}").touch()
    for n in range(300):
        (folder / f"f{n}" / "g").mkdir(parents=True)
        (folder / f"f{n}" / "g" / "file").touch()
    names = list(store.names_in(b"many"))
    assert [name for name, _, _ in names] == sorted(name for name, _, _ in names) and len(names) == 10_300
    assert (b"f7/", Kind.DIRECTORY, None) in names
    assert len({each.path for each in store.listing(b"many")}) == 10_300
    assert sum(each.path.endswith(b"/g/file") for each in store.listing(b"many")) == 300
    (folder / "7").write_bytes(b"seven")
    assert sum(size for _, size in store.sizes(b"many")) == 5


def test_no_link_is_followed_below_the_root(server: SftpServer, store: SftpStore) -> None:
    put(server, b"real/file", b"content")
    (server.root / "link").symlink_to("real/file")
    (server.root / "folder").symlink_to("real")
    with pytest.raises(WrongKindError):
        store.open(b"link", past_cache=True)
    for path in (b"folder/file", b"folder/none"):
        with pytest.raises(NotFoundError):
            store.open(path, past_cache=True)
        with pytest.raises(NotFoundError):
            store.stat(path)
    with pytest.raises(NotFoundError):
        store.names_in(b"folder")
    with pytest.raises(NotFoundError):
        store.remove(b"folder/file")
    with pytest.raises(NotFoundError), store.create(b"folder/new"):
        pass
    assert store.stat(b"link").kind is store.stat(b"folder").kind is Kind.SYMLINK
    assert {(each.path, each.kind) for each in store.listing(b"")} == {
        (b"real/file", Kind.FILE),
        (b"link", Kind.SYMLINK),
        (b"folder", Kind.SYMLINK),
        (b".preserve/identity.json", Kind.FILE),
    }
    assert (server.root / "real" / "file").read_bytes() == b"content" and len(os.listdir(server.root / "real")) == 1


def test_a_folder_that_a_link_took_the_place_of_is_noticed_after_the_next_identity(
    server: SftpServer, store: SftpStore
) -> None:
    put(server, b"a/file", b"content")
    assert read(store, b"a/file").sound
    (server.root / "a").rename(server.root / "b")
    (server.root / "a").symlink_to("b")
    assert store.identity() == IDENTITY
    assert read(store, b"a/file").missing


def test_a_replica_may_lie_behind_a_link_and_below_the_home(server: SftpServer, tmp_path: Path) -> None:
    (server.root.parent / "way").symlink_to(server.root)
    store = server.store(path=bytes(server.root.parent / "way"))
    assert store.identity() == IDENTITY
    store.close()


def test_a_fifo_and_a_folder_are_no_files_and_nobody_waits_for_them(server: SftpServer, store: SftpStore) -> None:
    os.mkfifo(server.root / "fifo")
    for path in (b"fifo", b".preserve"):
        assert read(store, path).wrong_kind
    assert store.stat(b"fifo").kind is Kind.OTHER


def test_what_is_not_there_is_missing_only_while_the_root_is(server: SftpServer, store: SftpStore) -> None:
    put(server, b"a/file", b"x")
    assert read(store, b"a/none").missing and read(store, b"none/none").missing
    with pytest.raises(NotFoundError):
        list(store.listing(b"none"))
    server.root.rename(server.root.with_name("gone"))
    for ask in (partial(store.stat, b"none"), partial(store.open, b"a/file", past_cache=True)):
        with pytest.raises(UnavailableError, match="the folder is not there"):
            ask()
    with pytest.raises(UnavailableError):
        list(store.listing(b"a"))


def test_a_change_while_it_is_read_is_a_change(server: SftpServer, store: SftpStore) -> None:
    put(server, b"file", secrets.token_bytes(12 << 20))
    buffer = new_buffer()
    for change in (
        lambda path: os.truncate(path, 11 << 20),
        lambda path: os.utime(path, (5, 5)),
        lambda path: (path.with_name("new").write_bytes(b"other"), path.with_name("new").rename(path)),
        lambda path: path.unlink(),
    ):
        source = store.open(b"file", past_cache=True)
        before = source.stat()
        assert source.readinto(buffer) > 0
        change(server.root / "file")
        assert source.stat().token != before.token
        source.close()


def test_many_files_are_read_at_once(server: SftpServer, store: SftpStore) -> None:
    digests = {b"%d" % n: put(server, b"%d" % n, secrets.token_bytes(n * 977)) for n in range(300)}
    with ThreadPoolExecutor(store.in_flight) as pool:
        found = list(pool.map(partial(read, store), digests))
    assert [each.digests["sha256"] for each in found] == list(digests.values())


def test_a_folder_that_may_not_be_listed_is_named_and_the_walk_goes_on(server: SftpServer) -> None:
    put(server, b"a/file", b"x")
    put(server, b"shut/file", b"x")
    (server.root / "shut").chmod(0)
    store = server.store(user=NOBODY if os.getuid() == 0 else None)
    listed = {each.path: each for each in store.listing(b"")}
    store.close()
    (server.root / "shut").chmod(0o755)
    assert listed[b"shut"].problem == "EACCES" and listed[b"a/file"].problem is None


def test_a_file_that_may_not_be_read_says_so(server: SftpServer) -> None:
    put(server, b"file", b"x")
    (server.root / "file").chmod(0)
    store = server.store(user=NOBODY if os.getuid() == 0 else None)
    assert read(store, b"file").problem == "EACCES"
    store.close()


# ---- cuts and silence


@pytest.mark.parametrize("place", [1 << 20, 3 << 20, 11 << 20])
def test_a_cut_in_the_middle_of_a_file_is_no_reading_of_it(server: SftpServer, place: int) -> None:
    digest = put(server, b"file", secrets.token_bytes(12 << 20))
    with BadLine(server.port) as line:
        known = server.root.parent / "known_line"
        known.write_text(server.known_hosts.read_text().replace(str(server.port), str(line.port)))
        store = server.store(port=line.port, known_hosts=known)
        assert store.identity() == IDENTITY
        line.cut_after(down=place)
        assert read(store, b"file", 12 << 20).problem == "ECONNRESET"
        assert read(store, b"file", 12 << 20).digests == {"sha256": digest}
        assert line.connections == 2
        line.cut_after(down=place)
        again = read(Retrying(store, sleep=lambda _: None), b"file", 12 << 20)
        assert again.sound and again.digests == {"sha256": digest}
        store.close()


def test_a_cut_among_small_files_leaves_none_without_a_word(server: SftpServer) -> None:
    digests = {b"%d" % n: put(server, b"%d" % n, secrets.token_bytes(4096)) for n in range(400)}
    with BadLine(server.port) as line:
        known = server.root.parent / "known_line"
        known.write_text(server.known_hosts.read_text().replace(str(server.port), str(line.port)))
        store = server.store(port=line.port, known_hosts=known)
        assert store.identity() == IDENTITY
        line.cut_after(down=800_000)
        with ThreadPoolExecutor(store.in_flight) as pool:
            found = list(pool.map(partial(read, store), digests))
        good = [each for each in found if each.sound]
        assert 0 < len(good) < 400 and all(each.digests["sha256"] == digests[each.path] for each in good)
        assert {each.problem for each in found if not each.sound} == {"ECONNRESET"}
        store.close()


def test_a_server_that_dies_is_first_a_cut_and_then_unavailable(server: SftpServer, store: SftpStore) -> None:
    put(server, b"file", secrets.token_bytes(12 << 20))
    source = store.open(b"file", past_cache=True)
    server.stop()
    with pytest.raises(StoreError) as cut:
        while source.readinto(new_buffer()):
            pass
    assert cut.value.cause == "ECONNRESET"
    source.close()
    with pytest.raises(UnavailableError):
        store.identity()
    server.start()
    assert store.identity() == IDENTITY


def test_a_server_that_hangs_is_given_up(server: SftpServer, store: SftpStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SILENT_SECONDS", 0.4)
    put(server, b"file", b"x")
    assert store.identity() == IDENTITY
    with server.stalled():
        with pytest.raises(StoreError) as given_up:
            store.stat(b"file")
        assert given_up.value.cause == "ETIMEDOUT" and not isinstance(given_up.value, UnavailableError)
    assert read(store, b"file").sound


def test_a_line_that_falls_silent_before_the_login_is_unavailable(
    server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from preserve.stores.sftp import connecting

    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 0.3)
    with BadLine(server.port) as line:
        line.silence()
        store = server.store(port=line.port)
        with pytest.raises(UnavailableError, match="no answer in time"):
            store.identity()
        store.close()


def test_a_closed_store_opens_its_connection_anew(server: SftpServer, store: SftpStore) -> None:
    put(server, b"file", secrets.token_bytes(70_000))
    source = store.open(b"file", past_cache=True)
    store.close()
    with pytest.raises(StoreError) as cut:
        source.stat(), source.stat()
    assert cut.value.cause == errno.errorcode[errno.ECONNRESET]
    source.close()
    assert store.identity() == IDENTITY


def test_a_forked_process_has_a_connection_of_its_own(server: SftpServer, store: SftpStore) -> None:
    assert store.identity() == IDENTITY
    child = os.fork()
    if child == 0:
        os._exit(store.identity() != IDENTITY)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.identity() == IDENTITY
