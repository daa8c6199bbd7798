"""Real servers of S3 for tests: SeaweedFS; rclone over a folder, which lies about what was changed beneath it; and a
proxy that does to answers what a real server cannot be made to do.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

KEY, SECRET = "preserve-tests", "only-for-tests-on-this-machine"
CREDENTIALS = (KEY, SECRET)
_READY_SECONDS = 60


def binary(name: str) -> str:
    """Where a server's program is. In CI it must be there; elsewhere the test is skipped."""
    beside = Path(sys.executable).parent / name
    found = shutil.which(name) or (str(beside) if beside.exists() else None)
    if found is None:
        if os.environ.get("CI"):
            raise RuntimeError(f"{name} is not installed, and CI must run these tests")
        pytest.skip(f"{name} is not installed: pip install '.[test]'")
    return found


def free_ports(count: int) -> list[int]:
    """Ports that are free now, and 10,000 above each too: SeaweedFS takes those for itself where it is not told."""
    held, ports = [], []
    while len(ports) < count:
        held.append(found := socket.socket())
        found.bind(("127.0.0.1", 0))
        ports.append(found.getsockname()[1])
    for each in held:
        each.close()
    return ports


class Server:
    """A process that serves S3 on a port of its own. Stopped and started again, it serves the same."""

    def __init__(self, folder: Path, port: int, command: Sequence[str], log: Path) -> None:
        self.folder, self.port, self.command, self.log = folder, port, list(command), log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self.command[0]} does not serve: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        """Any answer of S3's to a listing of buckets, and no error of its inside."""
        try:
            self.client().list_buckets()
        except Exception:  # noqa: BLE001 - whatever it is, it is not ready
            return False
        return True

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def client(self, credentials: Sequence[str] = CREDENTIALS) -> Any:
        """Another program's way to it: boto3 as it is."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=credentials[0],
            aws_secret_access_key=credentials[1],
            region_name="us-east-1",
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=5,
                read_timeout=60,
            ),
        )

    def bucket(self, name: str) -> str:
        """Makes a bucket."""
        self.client().create_bucket(Bucket=name)
        return name


def weed_server(folder: Path) -> Server:
    """SeaweedFS, not started yet: checks SHA-256, If-None-Match and If-Match, keeps versions."""
    s3, *others = free_ports(11)
    keys = folder / "keys.json"
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    given = [{"accessKey": KEY, "secretKey": SECRET}]
    keys.write_text(json.dumps({"identities": [{"name": "tests", "credentials": given, "actions": actions}]}))
    data = folder / "data"
    data.mkdir(exist_ok=True)
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    ports = [f"-{name}={port}" for name, port in zip((*names, "s3.port.grpc", "admin.port"), others, strict=False)]
    ports.append(f"-admin.port.grpc={others[-1]}")
    command = [binary("weed"), "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.port={s3}", *ports]
    command += [f"-s3.config={keys}", "-s3.port.lance=0", "-s3.port.iceberg=0", "-s3.autoCreateBucket=false"]
    command += ["-webdav=false", "-admin.ui=false"]
    return Server(data, s3, command, folder / "log")


def rclone_server(folder: Path, log: Path) -> Server:
    """`rclone serve s3` over a folder, each folder in it a bucket; it knows no conditions and no wrong checksums."""
    (port,) = free_ports(1)
    command = [binary("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
    # Without a cache of names: what is changed in the folder is seen at once.
    command += ["--config", os.devnull, "--vfs-cache-mode", "off", "--dir-cache-time", "0s", str(folder)]
    return Server(folder, port, command, log)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def weed() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="preserve-weed-") as folder, running(weed_server(Path(folder))) as server:
        yield server


@pytest.fixture
def rclone_s3(tmp_path: Path) -> Iterator[Callable[[Path], Server]]:
    """Serves folders until the test has ended."""
    servers: list[Server] = []

    def serve(folder: Path) -> Server:
        folder.mkdir(exist_ok=True)
        servers.append(server := rclone_server(folder, tmp_path / f"rclone-{len(servers)}.log"))
        server.start()
        return server

    yield serve
    for server in servers:
        server.kill()


def flip_in_volume(server: Server, content: bytes, bit: int) -> Path:
    """Turns one bit of a content (unique, at least 16 bytes) in the files in which SeaweedFS keeps what it was given.

    Its answer to a GET of it is an error of its own: it keeps a CRC of each chunk, and hands out nothing that does not
    fit. What another program wrote over the object through S3 is handed out as it is.
    """
    assert len(content) >= 16
    for volume in sorted(server.folder.rglob("*.dat")):
        held = volume.read_bytes()
        if (at := held.find(content)) < 0:
            continue
        assert held.find(content, at + 1) < 0, "it is there more than once"
        with volume.open("r+b") as file:
            file.seek(at + bit // 8)
            file.write(bytes((content[bit // 8] ^ 1 << bit % 8,)))
        return volume
    raise AssertionError("none of the server's files holds it")


class Fault:
    """What a proxy does to the next answers whose request has `match` in its first line; `times`: None is always."""

    def __init__(self, match: str = "", times: int | None = 1) -> None:
        self.match, self.times = match, times
        self.cut_after: int | None = None  # bytes of the body
        self.status: int | None = None  # answered in the server's place, with this code
        self.code = ""
        self.stall = False  # no answer at all, while the connection stands
        self.flip: int | None = None  # this bit of the body
        self.lose_answer = False  # the request is done, and its answer is lost


class Proxy:
    """Stands before a server, one request a connection, and works the faults that it was given."""

    def __init__(self, server: Server) -> None:
        self._to = server.port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._faults: list[Fault] = []
        self.requests: list[str] = []
        self._ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, match: str = "", times: int | None = 1, **what: Any) -> None:
        fault = Fault(match, times)
        for name, value in what.items():
            setattr(fault, name, value)
        self._faults.append(fault)

    def close(self) -> None:
        self._ended.set()
        with suppress(OSError):  # wakes the thread that waits in accept
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._listening.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = _head(connection)
            line = head.partition(b"\r\n")[0].decode("latin-1")
            if not line:
                return
            self.requests.append(line)
            fault = self._fault(line)
            if fault.stall:
                self._ended.wait()
                return
            length = _length(head)
            if fault.status is not None:
                _body(connection, length)
                content = b"" if line.startswith("HEAD") else b"<Error><Code>%s</Code></Error>" % fault.code.encode()
                answer = f"HTTP/1.1 {fault.status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
                connection.sendall(answer.encode() + content)
                return
            self._through(connection, head, length, line.startswith("HEAD"), fault)

    def _through(self, connection: socket.socket, head: bytes, length: int, bare: bool, fault: Fault) -> None:
        with socket.create_connection(("127.0.0.1", self._to)) as server:
            if b"100-continue" in head:
                head = head.replace(b"Expect: 100-continue\r\n", b"")
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            server.sendall(head)
            _body(connection, length, server)
            answer = _head(server)
            if fault.lose_answer:
                return
            lines = [line for line in answer.split(b"\r\n")[:-2] if not line.lower().startswith(b"connection:")]
            connection.sendall(b"\r\n".join(lines) + b"\r\nConnection: close\r\n\r\n")
            left = 0 if bare or b" 204 " in lines[0] or b" 304 " in lines[0] else _length(answer)
            chunked = b"transfer-encoding: chunked" in answer.lower()
            if fault.cut_after is not None:
                left = min(left, fault.cut_after)
            at = 0
            while (left or chunked) and (got := server.recv(65536 if chunked else min(65536, left))):
                if fault.flip is not None and at <= fault.flip // 8 < at + len(got):
                    changed = bytearray(got)
                    changed[fault.flip // 8 - at] ^= 1 << fault.flip % 8
                    got = bytes(changed)
                connection.sendall(got)
                at += len(got)
                left -= 0 if chunked else len(got)
                if chunked and got.endswith(b"0\r\n\r\n"):
                    return

    def _fault(self, line: str) -> Fault:
        for fault in self._faults:
            if fault.match in line and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return Fault()


def _head(connection: socket.socket) -> bytes:
    """Byte by byte up to the empty line, so that nothing of the body is taken."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n") and (got := connection.recv(1)):
        head += got
    return bytes(head)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _body(connection: socket.socket, length: int, to: socket.socket | None = None) -> None:
    while length and (got := connection.recv(min(65536, length))):
        length -= len(got)
        if to is not None:
            to.sendall(got)


@pytest.fixture
def proxy(weed: Server) -> Iterator[Proxy]:
    standing = Proxy(weed)
    yield standing
    standing.close()
