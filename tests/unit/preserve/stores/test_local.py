"""The local store on a real file system."""

import fcntl
import hashlib
import mmap
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks.buffers import BUFFER_BYTES
from checks.digesting import Digester, Wanted
from checks.evidence import Evidence
from checks.ports import Kind, NotFoundError, StoreError, UnavailableError, WrongKindError
from preserve.stores.identity import Identity, write_identity
from preserve.stores.local import LocalStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "a").write_bytes(b"alpha")
    (tmp_path / "data" / "deep" / "b").write_bytes(b"beta")
    return tmp_path


def store(root: Path) -> LocalStore:
    return LocalStore(os.fsencode(root))


def digest(store: LocalStore, path: bytes) -> tuple[bytes, Evidence]:
    opener = lambda: store.open(path, past_cache=True)  # noqa: E731  it is handed on as it is
    reading = Digester(("sha256",)).read(Wanted(path=path, open=opener, expected_bytes=0))
    assert reading.sound, reading
    return reading.digests["sha256"], reading.evidence


def takes_direct(path: Path) -> bool:
    """Whether this file system lets files be opened past the cache (tmpfs of older kernels does not)."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "size", [0, 1, 511, 512, 4095, 4096, 4097, BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + 1, 3 * BUFFER_BYTES + 777]
)
def test_every_length_is_read_whole_past_the_cache(root: Path, size: int) -> None:
    content = os.urandom(size)
    (root / "file").write_bytes(content)
    seen, evidence = digest(store(root), b"file")
    assert seen == hashlib.sha256(content).digest()
    assert evidence is (Evidence.READ_MEDIUM if takes_direct(root / "file") else Evidence.READ)


def test_a_refused_o_direct_is_a_cached_read_and_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.readv

    def refuse(fd: int, buffers: list[memoryview]) -> int:
        if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(22, "Invalid argument")
        return real(fd, buffers)

    monkeypatch.setattr(os, "readv", refuse)
    seen, evidence = digest(store(root), b"data/a")
    assert (seen, evidence) == (hashlib.sha256(b"alpha").digest(), Evidence.READ)


def test_a_plain_read_is_never_called_a_read_of_the_medium(root: Path) -> None:
    source = store(root).open(b"data/a", past_cache=False)
    assert source.evidence is Evidence.READ
    source.close()


def test_listing_names_everything_that_is_no_folder(root: Path) -> None:
    os.symlink("a", root / "data" / "link")
    os.mkfifo(root / "data" / "pipe")
    (root / "empty").mkdir()
    listed = {item.path: item.kind for item in store(root).listing(b"data")}
    assert listed == {b"a": Kind.FILE, b"deep/b": Kind.FILE, b"link": Kind.SYMLINK, b"pipe": Kind.OTHER}


def test_names_that_are_no_utf_8_are_kept_as_bytes(root: Path) -> None:
    name = b"caf\xe9 \n"
    (root / os.fsdecode(name)).write_bytes(b"x")
    assert name in {item.path for item in store(root).listing(b"")}
    assert digest(store(root), name)[0] == hashlib.sha256(b"x").digest()


def test_links_devices_and_sockets_are_never_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.symlink("a", root / "data" / "link")
    os.symlink("data", root / "folder")
    os.mkfifo(root / "pipe")
    monkeypatch.chdir(root)  # a socket's whole name must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("sock")
    for path in (b"data/link", b"pipe", b"sock", b"data"):
        with pytest.raises(WrongKindError):
            store(root).open(path, past_cache=True)
    with pytest.raises(NotFoundError):
        store(root).open(b"folder/a", past_cache=True)


@pytest.mark.parametrize("path", [b"../x", b"data/../data/a", b"/etc/passwd", b"data//a"])
def test_paths_that_lead_out_are_refused(root: Path, path: bytes) -> None:
    with pytest.raises(StoreError):
        store(root).open(path, past_cache=True)


def test_missing_is_told_apart_from_a_store_that_is_gone(root: Path) -> None:
    with pytest.raises(NotFoundError):
        store(root).open(b"data/none", past_cache=True)
    with pytest.raises(UnavailableError):
        store(root / "gone").open(b"data/a", past_cache=True)
    with pytest.raises(NotFoundError):
        list(store(root).listing(b"none"))


def test_an_offset_reads_the_rest(root: Path) -> None:
    content = os.urandom(3 * 4096 + 5)
    (root / "file").write_bytes(content)
    source = store(root).open(b"file", past_cache=True, offset=8192)
    buffer = memoryview(mmap.mmap(-1, BUFFER_BYTES))
    count = source.readinto(buffer)
    assert bytes(buffer[:count]) == content[8192:]
    assert source.readinto(buffer) == 0
    source.close()


def test_identity_is_read_anew_and_forgets_the_folders_of_another_disk(root: Path) -> None:
    seen = store(root)
    with pytest.raises(UnavailableError, match="empty mount"):
        seen.identity()
    write_identity(
        os.fsencode(root), Identity(uuid="5e0c1f6e-0000-4000-8000-000000000001", name="nas"), datetime.now(UTC)
    )
    assert seen.identity() == "5e0c1f6e-0000-4000-8000-000000000001"
    digest(seen, b"data/a")
    os.rename(root / "data", root / "old")
    (root / "data").mkdir()
    (root / "data" / "a").write_bytes(b"new")
    seen.identity()
    assert digest(seen, b"data/a")[0] == hashlib.sha256(b"new").digest()
    (root / ".preserve" / "identity.json").write_text("[]")
    with pytest.raises(UnavailableError, match="not an identity file"):
        seen.identity()
