"""A workspace on a disk, in a bucket and on an SFTP server, with the folders in which these servers keep its files.

So that whatever plants faults in folders can plant them there. SeaweedFS keeps no plain files: a folder of ours stands
for its bucket, and what was changed in it is done to the objects by another program than ours (`send`, `fetch`).
"""

import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from tests.support.s3_servers import CREDENTIALS, Server, free_ports, rclone_server, running, weed_server
from tests.support.sftp_server import SftpServer, sftp_server
from tests.support.workspaces import Place, PlacedWorkspace, make_workspace

DISK, BUCKET, SERVER = "disk", "bucket", "server"
_PREFIX = "kept/copies"


class Served(StrEnum):
    """Which server keeps the bucket."""

    RCLONE = "rclone"  # over a folder; it claims what was once put, whatever was changed beneath it
    WEED = "weed"


@dataclass
class BucketFolder:
    """A folder that stands for what lies under a prefix of a bucket."""

    server: Server
    bucket: str
    folder: Path
    _known: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # key -> its ETag, its content

    def fetch(self) -> None:
        """What the bucket holds. Objects whose ETag was seen before are not asked for again."""
        client, there = self.server.client(), set[str]()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=_PREFIX + "/")
        for each in (one for page in pages for one in page.get("Contents", ())):
            key = each["Key"]
            there.add(key)
            if key not in self._known or self._known[key][0] != each["ETag"]:
                content = client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
                self._known[key] = (each["ETag"], content)
            full = self._file(key)
            if not full.exists() or full.read_bytes() != self._known[key][1]:
                full.parent.mkdir(parents=True, exist_ok=True)
                full.write_bytes(self._known[key][1])
        for key in self._known.keys() - there:
            self._file(key).unlink(missing_ok=True)
            del self._known[key]

    def send(self, *, says_sums: bool = True) -> None:
        """Puts what was changed in the folder and deletes what is gone from it; nothing else is touched.

        Args:
            says_sums: whether the program that does it gives a SHA-256, which the server then keeps and claims.
        """
        client, there = self.server.client(), set[str]()
        for full in self.folder.rglob("*"):
            if not full.is_file():
                continue
            key = f"{_PREFIX}/{full.relative_to(self.folder)}"
            there.add(key)
            content = full.read_bytes()
            if key not in self._known or self._known[key][1] != content:
                sums = {"ChecksumSHA256": b64encode(sha256(content).digest()).decode()} if says_sums else {}
                put = client.put_object(Bucket=self.bucket, Key=key, Body=content, **sums)
                self._known[key] = (put["ETag"], content)
        for key in self._known.keys() - there:
            client.delete_object(Bucket=self.bucket, Key=key)
            del self._known[key]

    def _file(self, key: str) -> Path:
        return self.folder / key.removeprefix(_PREFIX + "/")


@dataclass(frozen=True)
class Overlooked:
    """What rclone is told after something was changed beneath it: to look at its folders again."""

    url: str

    def fetch(self) -> None:
        """There is nothing to fetch: its folder is the one."""

    def send(self, *, says_sums: bool = True) -> None:
        with urllib.request.urlopen(urllib.request.Request(self.url, method="POST"), timeout=30) as answer:
            answer.read()


@dataclass
class AnywhereWorkspace(PlacedWorkspace):
    """Packages on all three, and the folders in which what these hold lies."""

    served: Served
    s3: Server
    roots: dict[str, Path]
    bucket: BucketFolder | Overlooked

    def root(self, replica: str) -> Path:
        return self.roots[replica]

    def send(self, *, says_sums: bool = True) -> None:
        self.bucket.send(says_sums=says_sums)

    def fetch(self) -> None:
        self.bucket.fetch()


@contextmanager
def anywhere(folder: Path, served: Served, *, seed: int = 1, packages: int = 4) -> Iterator[AnywhereWorkspace]:
    """Real servers, as long as the context lasts; all in a folder that is there and empty."""
    beneath, work = folder / "served", folder / "work"
    beneath.mkdir()
    work.mkdir()
    s3, look_again = _rclone(beneath, folder) if served is Served.RCLONE else (weed_server(beneath), None)
    with running(s3), sftp_server() as sftp:
        s3.bucket("archive")
        disk, behind = folder / "disk", sftp.root.with_name("copies")  # beside the replica that is there
        disk.mkdir()
        behind.mkdir()
        places = {DISK: Place(str(disk)), BUCKET: _bucket(s3, folder), SERVER: _server(sftp, behind)}
        placed = make_workspace(work, seed=seed, packages=packages, placed=tuple(places), places=places)
        plain = beneath / "archive" / _PREFIX if look_again else folder / "bucket"
        roots = {DISK: disk, BUCKET: plain, SERVER: behind}
        bucket = look_again or BucketFolder(s3, "archive", plain)
        made = AnywhereWorkspace(**vars(placed), served=served, s3=s3, roots=roots, bucket=bucket)
        made.fetch()
        yield made


def _rclone(beneath: Path, folder: Path) -> tuple[Server, Overlooked]:
    """One that knows the names in its folders for long, which keeps it quick, and forgets them when it is asked to."""
    server, (port,) = rclone_server(beneath, folder / "log"), free_ports(1)
    server.command[server.command.index("--dir-cache-time") + 1] = "1h"
    server.command += ["--rc", "--rc-addr", f"127.0.0.1:{port}", "--rc-no-auth"]
    return server, Overlooked(f"http://127.0.0.1:{port}/vfs/forget")


def _bucket(s3: Server, folder: Path) -> Place:
    secret = folder / "s3-key"
    secret.touch(0o600)
    secret.write_text(":".join(CREDENTIALS))
    keys = {"endpoint": s3.endpoint, "region": "us-east-1", "secret": f"file:{secret}"}
    return Place(f"s3://archive/{_PREFIX}", keys)


def _server(sftp: SftpServer, root: Path) -> Place:
    keys = {"key": str(sftp.key), "known_hosts": str(sftp.known_hosts)}
    return Place(f"sftp://{sftp.user}@127.0.0.1:{sftp.port}{root}", keys)
