"""Real servers of S3 for tests: SeaweedFS; and rclone over a folder, which lies about what was changed beneath it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    held, ports = list[socket.socket](), list[int]()
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
    command += ["--config", os.devnull, "--vfs-cache-mode", "off", "--dir-cache-time", "1s", str(folder)]
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
