"""SFTP servers that lie: one over a folder, which says of some requests that they are done, and one of bare answers."""

import asyncio
import os
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh

from preserve.stores.sftp import wire
from preserve.stores.sftp.store import SftpStore

Answer = Callable[[int, int, bytes], bytes]  # kind and number of a request, and what it says -> what is answered

FILE, FOLDER = 0o100644, 0o040755


class Lies:
    """What a server over a folder lies about: names of requests that it takes and does not do, names it lists."""

    def __init__(self) -> None:
        self.undone: set[str] = set()  # of "rename", "remove", "rmdir", "mkdir", "write"
        self.only_to: bytes = b""  # paths that end so
        self.listed: list[bytes] = []  # in each folder, besides what is there


@contextmanager
def lying_server(folder: Path, lies: Lies) -> Iterator[int]:
    """The port of a server over this machine's folders; `folder` gets the known_hosts. Everybody is let in."""

    class Liar(asyncssh.SFTPServer):
        def rename(self, oldpath: bytes, newpath: bytes) -> None:
            if "rename" not in lies.undone or not newpath.endswith(lies.only_to):
                super().rename(oldpath, newpath)

        def remove(self, path: bytes) -> None:
            if "remove" not in lies.undone:
                super().remove(path)

        def rmdir(self, path: bytes) -> None:
            if "rmdir" not in lies.undone:
                super().rmdir(path)

        def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
            if "mkdir" not in lies.undone:
                super().mkdir(path, attrs)

        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            if "write" in lies.undone:
                return len(data)
            return int(super().write(file_obj, offset, data))  # type: ignore[arg-type]  # whatever asyncssh hands in

        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            async for name in super().scandir(path):
                yield name
            for each in lies.listed:
                yield asyncssh.SFTPName(each, attrs=asyncssh.SFTPAttrs(size=7, permissions=FILE))

    with listening(folder, {"sftp_factory": Liar}) as port:
        yield port


@contextmanager
def answering_server(folder: Path, answer: Answer) -> Iterator[int]:
    """The port of a server whose every answer is given; all it knows by itself is how to greet."""

    class Answering(asyncssh.SSHServerSession[bytes]):
        def __init__(self) -> None:
            self._came = b""

        def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
            self._channel = chan

        def subsystem_requested(self, subsystem: str) -> bool:
            return True

        def data_received(self, data: bytes, datatype: int | None = None) -> None:
            self._came += data
            while len(self._came) >= 4 and len(self._came) >= (end := 4 + int.from_bytes(self._came[:4])):
                packet, self._came = self._came[4:end], self._came[end:]
                if packet[0] == wire.INIT:
                    said = struct.pack(">BI", wire.VERSION, wire.VERSION_WANTED)
                else:
                    said = answer(packet[0], int.from_bytes(packet[1:5]), packet[5:])
                self._channel.write(wire.text(said) if said else b"")

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

        def session_requested(self) -> Answering:
            return Answering()

    with listening(folder, {"server_factory": Server, "encoding": None}) as port:
        yield port


class AnyoneServer(asyncssh.SSHServer):
    """Lets everybody in."""

    def begin_auth(self, username: str) -> bool:
        return False


@contextmanager
def listening(folder: Path, options: dict[str, Any]) -> Iterator[int]:
    """A server of asyncssh's, in a thread of its own; `folder` gets the known_hosts."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    given = {"server_factory": AnyoneServer} | options
    listener = loop.run_until_complete(
        asyncssh.create_server(host="127.0.0.1", port=0, server_host_keys=[key], **given)
    )
    port = int(listener.get_port())
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(_closed(listener), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _closed(listener: asyncssh.SSHAcceptor) -> None:
    listener.close()
    await listener.wait_closed()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def store_of(port: int, folder: Path, root: bytes, **given: Any) -> Iterator[SftpStore]:
    """The store of a server of these."""
    store = SftpStore("127.0.0.1", port, "anyone", root, known_hosts=folder / "known_hosts", **given)
    try:
        yield store
    finally:
        store.close()


# ---- answers, packed


def status(number: int, code: int = wire.OK, words: bytes = b"") -> bytes:
    return struct.pack(">BII", wire.STATUS, number, code) + wire.text(words) + wire.text(b"")


def handle(number: int, name: bytes = b"h") -> bytes:
    return struct.pack(">BI", wire.HANDLE, number) + wire.text(name)


def data(number: int, content: bytes) -> bytes:
    return struct.pack(">BI", wire.DATA, number) + wire.text(content)


def attributes(number: int, mode: int, size_bytes: int = 7) -> bytes:
    return struct.pack(">BI", wire.ATTRS, number) + _attributes(mode, size_bytes)


def names(number: int, listed: list[tuple[bytes, int]]) -> bytes:
    """(name, mode) of each."""
    each = [wire.text(name) + wire.text(name) + _attributes(mode, 7) for name, mode in listed]
    return struct.pack(">BII", wire.NAME, number, len(listed)) + b"".join(each)


def _attributes(mode: int, size_bytes: int) -> bytes:
    return struct.pack(">IQI", 5, size_bytes, mode)  # SSH_FILEXFER_ATTR_SIZE and _PERMISSIONS


def path_of(body: bytes) -> bytes:
    """The path, or handle, that a request is about."""
    return body[4 : 4 + int.from_bytes(body[:4])]


def replica_in(folder: Path, identity: str) -> bytes:
    """A folder that holds an identity, to be served."""
    root = folder / "replica"
    (root / ".preserve").mkdir(parents=True)
    (root / ".preserve" / "identity.json").write_text(f'{{"replica": "{identity}", "name": "abroad"}}')
    return os.fsencode(root)
