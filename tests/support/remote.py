"""A workspace whose packages are kept on a disk, in a bucket and on an SFTP server, through the command line itself."""

import itertools
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from preserve.cli.main import main
from preserve.stores.locations import location
from tests.support.bags import make_bag
from tests.support.s3_servers import CREDENTIALS, Server
from tests.support.sftp_server import SftpServer
from tests.support.workspaces import make_collection

REPLICAS = ("disk", "bucket", "server")
_numbers = itertools.count()


@dataclass
class RemoteWorkspace:
    """Where everything is; `run` works in `folder`."""

    folder: Path
    weed: Server
    bucket: str
    prefix: str
    server_root: Path
    packages: list[str]
    capture: pytest.CaptureFixture[bytes]

    def run(self, *arguments: str, status: int | None = 0) -> Any:
        """The document that a command gives, or its text where it gives none; in this process."""
        self.capture.readouterr()
        ended = main([*arguments, "--config", str(self.folder / "preserve.toml")])
        told = self.capture.readouterr()
        assert status in (None, ended), (arguments, ended, told.out.decode(), told.err.decode())
        return json.loads(told.out) if "--json" in arguments else told.out.decode()

    def read(self, replica: str, path: bytes) -> bytes:
        """What a replica's server holds, asked behind our back. `path` is from the replica's root."""
        if replica == "bucket":
            key = f"{self.prefix}/{path.decode()}"
            return bytes(self.weed.client().get_object(Bucket=self.bucket, Key=key)["Body"].read())
        return (self._root(replica) / os.fsdecode(path)).read_bytes()

    def change(self, replica: str, path: bytes, content: bytes) -> None:
        """Writes something else there, behind our back."""
        if replica == "bucket":
            key = f"{self.prefix}/{path.decode()}"
            self.weed.client().put_object(Bucket=self.bucket, Key=key, Body=content)
        else:
            (self._root(replica) / os.fsdecode(path)).write_bytes(content)

    def names(self, replica: str) -> list[bytes]:
        """All files of a replica, from its root, those of ours left out."""
        if replica == "bucket":
            pages = self.weed.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            keys = [each["Key"].removeprefix(self.prefix + "/") for page in pages for each in page.get("Contents", ())]
            found = [key.encode() for key in keys]
        else:
            root = self._root(replica)
            found = [os.fsencode(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
        return sorted(path for path in found if not path.startswith(b".preserve/"))

    def _root(self, replica: str) -> Path:
        return self.server_root if replica == "server" else self.folder / "disk"

    def file(self, package: str, which: int = 0, least: int = 1000) -> bytes:
        """A payload file of a package that is not tiny, from a replica's root; no other has its content."""
        bag = self.folder / "bags" / package
        contents = [path.read_bytes() for path in (bag / "data").rglob("*") if path.is_file()]
        found = sorted(
            os.fsencode(path.relative_to(bag))
            for path in (bag / "data").rglob("*")
            if path.is_file() and path.stat().st_size >= least and contents.count(path.read_bytes()) == 1
        )
        return location(package, 1) + b"/" + found[which]


def make_remote_workspace(
    folder: Path, weed: Server, bucket: str, sftp: SftpServer, capture: pytest.CaptureFixture[bytes], packages: int = 2
) -> RemoteWorkspace:
    """Bags are taken in and placed on all three."""
    number = next(_numbers)
    root = sftp.root.parent / f"remote-{number}"  # beside the replica that is there
    root.mkdir()
    (folder / "disk").mkdir()
    prefix = f"kept/remote-{number}"
    names = [f"box-{each}" for each in range(packages)]
    placed = RemoteWorkspace(folder, weed, bucket, prefix, root, names, capture)
    secret = folder / "s3-key"
    secret.write_text(":".join(CREDENTIALS))
    secret.chmod(0o600)
    assert main(["init", str(folder)]) == 0
    placed.run("replica", "add", "disk", str(folder / "disk"))
    s3 = ("--endpoint", weed.endpoint, "--region", "us-east-1", "--secret", f"file:{secret}")
    placed.run("replica", "add", "bucket", f"s3://{bucket}/{prefix}", *s3)
    place = f"sftp://{sftp.user}@127.0.0.1:{sftp.port}{root}"
    placed.run("replica", "add", "server", place, "--key", str(sftp.key), "--known-hosts", str(sftp.known_hosts))
    rng = random.Random(7)
    for name in names:
        make_collection(folder / "sources" / name, rng, 20)
        make_bag(folder / "sources" / name, folder / "bags" / name)
    placed.run("add", *(str(folder / "bags" / name) for name in names))
    placed.run("replicate")
    return placed
