"""SFTP servers that lie, or never come to an end: nothing is believed that can be looked at, nobody waits for ever."""

import os
import random
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import cast
from uuid import UUID

import asyncssh
import pytest

from checks.ports import StoreError, UnavailableError
from preserve.app.workspace import presence
from preserve.catalog.rows import ReplicaRow
from preserve.cli.main import main
from preserve.executors.threads import Threads
from preserve.replicate.copying import CopyWriter, Unfilled
from preserve.stores.identity import OURS
from preserve.stores.local import PlainFolder
from preserve.stores.rooms.replica import RemoteReplica
from preserve.stores.sftp import connecting, listing, session, wire, writing
from preserve.stores.sftp.store import SftpStore
from preserve.stores.trial_names import trial_name
from tests.support import lying_sftp
from tests.support.bags import make_bag
from tests.support.lying_sftp import FILE, FOLDER, Lies, answering_server, lying_server, path_of, store_of
from tests.support.sftp_server import IDENTITY
from tests.support.workspaces import make_collection

DENIED = "said that it was done, and it is not"


@pytest.fixture
def lies() -> Lies:
    return Lies()


@pytest.fixture
def lied_to(tmp_path: Path, lies: Lies) -> Iterator[SftpStore]:
    root = lying_sftp.replica_in(tmp_path, IDENTITY)
    with lying_server(tmp_path, lies) as port, store_of(port, tmp_path, root) as store:
        yield store


def write(store: SftpStore, path: bytes, content: bytes = b"mine") -> None:
    with store.create(path, size_bytes=len(content)) as sink:
        sink(memoryview(content))


@pytest.mark.parametrize(
    ("undone", "work"),
    [
        ("rename", lambda store: store.rename(b"box/old", b"box/new")),
        ("rename", lambda store: store.rename(b"box", b"case")),
        ("rename", lambda store: write(store, b"box/new")),
        ("remove", lambda store: store.remove(b"box/old")),
        ("rmdir", lambda store: store.remove_folder(b"empty")),
        ("mkdir", lambda store: write(store, b"case/new")),
        ("write", lambda store: store.append(b"box/old", b"a line")),
        ("write", lambda store: write(store, b"box/new")),
    ],
)
def test_what_a_server_says_is_done_is_looked_at(
    lied_to: SftpStore, lies: Lies, undone: str, work: Callable[[SftpStore], None]
) -> None:
    write(lied_to, b"box/old")
    write(lied_to, b"empty/old")
    lied_to.remove(b"empty/old")
    lies.undone = {undone}
    with pytest.raises(StoreError, match=f"{DENIED}|something else writes to it"):
        work(lied_to)


async def believed(*_: object) -> None:
    """Instead of a look after a rename."""


@pytest.mark.parametrize("why", [DENIED, "cannot be found there"])
def test_a_copy_whose_rename_a_server_only_promised_is_none(
    tmp_path: Path, lies: Lies, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why != DENIED:
        monkeypatch.setattr(writing, "_moved", believed)  # whatever a store believes, the copy is looked for
    make_collection(tmp_path / "source", random.Random(7), 3)
    make_bag(tmp_path / "source", tmp_path / "bags" / "box")
    served = tmp_path / "served"
    served.mkdir()
    assert main(["init", str(tmp_path / "w")]) == 0
    settings = ("--config", str(tmp_path / "w" / "preserve.toml"))
    with lying_server(tmp_path, lies) as port:
        url = f"sftp://anyone@127.0.0.1:{port}{served}"
        assert main(["replica", "add", "far", url, "--known-hosts", str(tmp_path / "known_hosts"), *settings]) == 0
        assert main(["add", str(tmp_path / "bags" / "box"), *settings]) == 0
        lies.undone, lies.only_to = {"rename"}, b"/box"
        capsys.readouterr()
        refused = main(["replicate", *settings])
        told = capsys.readouterr()
        assert refused == 3 and why in " ".join((told.out + told.err).split()), told
        assert "then read back" not in told.out and not (served / "box").exists()
        lies.undone = set()
        assert main(["replicate", *settings]) == 0
    assert (served / "box" / "bagit.txt").is_file()


def test_names_that_can_be_none_are_a_problem_and_never_names(lied_to: SftpStore, lies: Lies) -> None:
    write(lied_to, b"box/old")
    lies.listed = [b"../../etc/passwd", b"", b"n\0l", b".", b"..", b"/etc/passwd"]
    found = list(lied_to.listing(b"box"))
    assert [one.path for one in found if one.problem is None] == [b"old"]
    assert [one.problem is not None and "can be no name" in one.problem for one in found if one.path != b"old"] == [
        True
    ]
    with pytest.raises(StoreError, match="can be no name"):
        lied_to.names_in(b"box")


_Questions = tuple[str, str, str, list[tuple[str, bool]]]  # a title, instructions, their language, and what is asked


class _AsksForEver(asyncssh.SSHServer):
    """Has a banner that would clear a screen, and one more question, always."""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        self._connection.send_auth_banner("\x1b[2Jall is well\x07")
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> _Questions:
        return "", "", "en", [("Password: ", False)]

    def validate_kbdint_response(self, username: str, responses: object) -> _Questions:
        return "", "", "en", [("\x1b[2JAnd once more: ", True)]


@pytest.mark.parametrize("secret", [None, "s3cret-0x77"])
def test_a_server_that_asks_for_ever_is_given_up_and_its_banner_is_never_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 2.0)
    with (
        lying_sftp.listening(tmp_path, {"server_factory": _AsksForEver, "sftp_factory": True}) as port,
        store_of(port, tmp_path, b"/r", secret=lambda: secret) as store,
        pytest.raises(UnavailableError) as refused,
    ):
        store.identity()
    told = capfd.readouterr()
    assert told.out == told.err == "" and str(refused.value).isprintable()
    assert "well" not in str(refused.value) and "s3cret" not in str(refused.value)


@pytest.mark.parametrize("which", ["key", "known_hosts"])
def test_a_pipe_or_a_huge_file_for_a_key_keeps_nobody_waiting(tmp_path: Path, which: str) -> None:
    huge, pipe = tmp_path / "huge", tmp_path / "pipe"
    os.mkfifo(pipe)
    with huge.open("wb") as file:
        file.truncate(1 << 30)
    for path, why in ((pipe, "it is no file"), (huge, "too large"), (tmp_path, "it is no file")):
        given = {"known_hosts": tmp_path / "none"} | {which: path}
        store = SftpStore("127.0.0.1", 9, "anyone", b"/r", **given)  # type: ignore[arg-type]  # options of several types
        with pytest.raises(UnavailableError, match=why):
            store.identity()
        store.close()


# ---- bare answers


def told(kind: int, number: int, body: bytes) -> bytes:
    """A server on which everything but `file` is a folder, and each handle is of what was opened."""
    if kind in (wire.LSTAT, wire.STAT, wire.FSTAT):
        name = path_of(body)
        return lying_sftp.attributes(number, FILE if name.endswith((b"file", b".json")) else FOLDER)
    if kind in (wire.OPEN, wire.OPENDIR):
        return lying_sftp.handle(number, b"file" if kind == wire.OPEN else b"folder")
    return lying_sftp.status(number, wire.EOF if kind in (wire.READ, wire.READDIR) else wire.OK)


def but(kind: int, answer: Callable[[int, bytes], bytes]) -> lying_sftp.Answer:
    return lambda asked, number, body: answer(number, body) if asked == kind else told(asked, number, body)


def read(store: SftpStore) -> int:
    source = store.open(b"file", past_cache=True)
    try:
        source.stat()
        return source.readinto(memoryview(bytearray(1 << 16)))
    finally:
        source.close()


def listed(store: SftpStore) -> None:
    for one in store.listing(b"box"):
        if one.problem is not None:
            raise StoreError(one.problem)


def empty_data(number: int, body: bytes) -> bytes:
    return lying_sftp.data(number, b"")


def no_names(number: int, body: bytes) -> bytes:
    return lying_sftp.names(number, [])


@pytest.mark.parametrize(
    ("kind", "answer", "work", "why"),
    [
        (wire.READ, empty_data, lambda store: store.identity(), "EPROTO"),
        (wire.READ, empty_data, read, "0 bytes"),
        (wire.READDIR, no_names, listed, "without a name"),
        (wire.READDIR, no_names, lambda store: store.names_in(b"box"), "without a name"),
        (wire.LSTAT, lambda n, _: lying_sftp.attributes(n, FILE, 1 << 63), lambda store: store.stat(b"file"), "2\\^63"),
        (wire.OPENDIR, lambda n, _: lying_sftp.handle(n, b"h" * 257), listed, "257 bytes"),
    ],
)
def test_answers_that_lead_nowhere_are_given_up(
    tmp_path: Path, kind: int, answer: Callable[[int, bytes], bytes], work: Callable[[SftpStore], object], why: str
) -> None:
    with (
        answering_server(tmp_path, but(kind, answer)) as port,
        store_of(port, tmp_path, b"/r") as store,
        pytest.raises(StoreError, match=why),
    ):
        work(store)


def test_folders_in_folders_without_end_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_BARREN", 200)
    opened = 0

    def two_folders(kind: int, number: int, body: bytes) -> bytes:
        nonlocal opened
        if kind == wire.OPENDIR:
            opened += 1
            return lying_sftp.handle(number, b"unread %d" % opened)
        if kind == wire.READDIR and path_of(body) not in seen:
            seen.add(path_of(body))
            return lying_sftp.names(number, [(b"x", FOLDER), (b"y", FOLDER)])
        return told(kind, number, body)

    seen: set[bytes] = set()
    with (
        answering_server(tmp_path, two_folders) as port,
        store_of(port, tmp_path, b"/r") as store,
        pytest.raises(StoreError, match="too many: more than 200 folders"),
    ):
        list(store.listing(b"box"))
    assert opened < 300


@pytest.mark.parametrize("work", [listed, lambda store: store.names_in(b"box")])
def test_a_folder_with_names_without_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[SftpStore], object]
) -> None:
    monkeypatch.setattr(listing, "MOST_NAMES", 1000)
    more = but(wire.READDIR, lambda number, _: lying_sftp.names(number, [(b"%d" % number, FILE)] * 100))
    with (
        answering_server(tmp_path, more) as port,
        store_of(port, tmp_path, b"/r") as store,
        pytest.raises(StoreError, match="too many: more than 1,000 names"),
    ):
        work(store)


def test_an_answer_that_is_always_passed_over_has_a_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SILENT_SECONDS", 0.4)
    monkeypatch.setattr(session, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(session, "_LOOK_SECONDS", 0.1)
    never = but(wire.STAT, lambda number, body: b"")
    with answering_server(tmp_path, never) as port, store_of(port, tmp_path, b"/r") as store:
        waiting = store._link.begin(lambda one: one.ask(wire.STAT, wire.text(b"/r")))
        with pytest.raises(StoreError, match="no answer for"):
            while not waiting.done():  # other questions are answered all the time
                store.stat(b"file")
            waiting.result()


def test_a_servers_words_are_short_and_move_no_cursor(tmp_path: Path) -> None:
    words = but(wire.LSTAT, lambda n, _: lying_sftp.status(n, wire.FAILURE, b"\x1b[2J\x9b31m\nall is well" * 100))
    with (
        answering_server(tmp_path, words) as port,
        store_of(port, tmp_path, b"/r") as store,
        pytest.raises(StoreError) as refused,
    ):
        store.stat(b"file")
    assert str(refused.value).isprintable() and len(str(refused.value)) < 250


@pytest.mark.parametrize(
    "answer",
    [
        lambda number, body: struct.pack(">BI", wire.ATTRS, number) + b"\0",  # ends in the middle
        lambda number, body: b"",
        lambda number, body: lying_sftp.attributes(number, FILE, 1 << 63),
        lambda number, body: lying_sftp.status(number, 7),  # SSH_FX_CONNECTION_LOST
    ],
    ids=["cut short", "none", "too large", "cut off behind it"],
)
def test_a_server_whose_answers_are_none_is_away_and_keeps_nobody_from_other_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[[int, bytes], bytes]
) -> None:
    monkeypatch.setattr(session, "SILENT_SECONDS", 0.4)
    monkeypatch.setattr(session, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(session, "_LOOK_SECONDS", 0.1)
    row = ReplicaRow(id=1, uuid=UUID(IDENTITY), name="far", added_at=datetime(2026, 7, 1, tzinfo=UTC), removed_at=None)
    with answering_server(tmp_path, but(wire.LSTAT, answer)) as port, store_of(port, tmp_path, b"/r") as store:
        replica = RemoteReplica(store)
        for asked in (store.identity, replica.identity, replica.read_identity):
            with pytest.raises(UnavailableError) as away:
                asked()
            assert away.value.cause
        assert not presence(replica, row).there


# ---- servers that do less than others


class Server(asyncssh.SFTPServer):
    """A server over a folder; what it had open, and has closed."""

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(chan)
        self.seen.append(self)
        self.open_now = 0

    seen: list["Server"]

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        opened = super().open(path, pflags, attrs)
        self.open_now += 1
        return opened

    def close(self, file_obj: object) -> None:
        self.open_now -= 1
        super().close(file_obj)


class NeverCuts(Server):
    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        if attrs.size is not None:
            raise asyncssh.SFTPOpUnsupported("no truncation here")
        super().fsetstat(file_obj, attrs)


class WritesOnce(Server):
    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & asyncssh.FXF_WRITE and not pflags & asyncssh.FXF_CREAT:
            raise asyncssh.SFTPPermissionDenied("what is written is written")
        return super().open(path, pflags, attrs)


@pytest.fixture(params=[NeverCuts, WritesOnce])
def stubborn(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[type[Server], SftpStore]]:
    kind = cast(type[Server], request.param)
    kind.seen = []
    root = lying_sftp.replica_in(tmp_path, IDENTITY)
    with lying_sftp.listening(tmp_path, {"sftp_factory": kind}) as port, store_of(port, tmp_path, root) as store:
        yield kind, store


def test_a_large_file_with_which_a_server_refuses_to_go_on_is_begun_anew(
    tmp_path: Path, stubborn: tuple[type[Server], SftpStore]
) -> None:
    """A run was killed after 10 MiB; kept, what it left would be in the way of every later one."""
    kind, store = stubborn
    content = random.Random(7).randbytes(12 << 20)
    (tmp_path / "film").write_bytes(content)
    staging = RemoteReplica(store).staging(b"box-v1", b"box")
    unfinished = tmp_path / "replica" / os.fsdecode(writing.partial_of(staging.location + b"/data/film"))
    unfinished.parent.mkdir(parents=True)
    unfinished.write_bytes(content[: 10 << 20])
    waits: list[float] = []
    wanted = Unfilled(path=b"data/film", size_bytes=len(content), sha256=sha256(content).digest())
    with Threads(1) as threads, staging.held():
        assert staging.resumable(b"data/film", len(content)) == 10 << 20
        writer = CopyWriter([], threads, sleep=waits.append)
        assert writer.copy_from(PlainFolder(bytes(tmp_path)), b"film", staging, wanted) == ""
        assert (unfinished.parent / "film").read_bytes() == content
        assert waits == [1.0] and [path.name for path in unfinished.parent.iterdir()] == ["film"]
    assert [one.open_now for one in kind.seen] == [0], "nothing was left open there"


class RenamesOver(asyncssh.SFTPServer):
    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        os.replace(self.map_path(oldpath), self.map_path(newpath))


@pytest.mark.parametrize(("kind", "refuses"), [(asyncssh.SFTPServer, True), (RenamesOver, False)])
def test_whether_a_server_renames_over_what_is_there_is_tried_past_our_own_look(
    tmp_path: Path, kind: type[asyncssh.SFTPServer], refuses: bool
) -> None:
    root = lying_sftp.replica_in(tmp_path, IDENTITY)
    trial = OURS + b"/" + trial_name()
    with lying_sftp.listening(tmp_path, {"sftp_factory": kind}) as port, store_of(port, tmp_path, root) as store:
        write(store, trial, b"tried")
        assert store.refuses_overwriting(trial, b"tried") is refuses
        store.remove(trial)
        with pytest.raises(ValueError, match="made to be tried with"):
            store.refuses_overwriting(b".preserve/identity.json", b"")
    assert os.listdir(tmp_path / "replica" / ".preserve") == ["identity.json"]
