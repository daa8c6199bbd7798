"""Places for copies that fail when they are told to: a disk that is pulled, a bucket and a server behind bad lines."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from tests.campaigns.outages_lines import Line
from tests.support.s3_servers import KEY, SECRET, Server, running, weed_server
from tests.support.sftp_server import SftpServer, sftp_server

BUCKET, PREFIX = "kept", "copies"
Files = dict[str, bytes]  # path from a replica's root -> content


@dataclass(frozen=True, slots=True)
class Trouble:
    """`begin` makes it, `end` undoes it. One that passes ends while the command runs, others after it."""

    begin: Callable[[], object]
    end: Callable[[], object]
    passes: bool = False


@dataclass
class Disk:
    """A folder on a loop-mounted medium, or a plain one where nobody may mount."""

    folder: Path
    root: Path = field(init=False)

    def __post_init__(self) -> None:
        self.image, self.root = self.folder / "medium.img", self.folder / "disk" / "copies"
        self.root.parent.mkdir()
        subprocess.run(["truncate", "-s", "400M", self.image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", self.image], check=True)
        self.mounts = self._mount()
        self.root.mkdir()

    def troubles(self) -> Mapping[str, Trouble]:
        moved = Trouble(lambda: self.root.rename(self._away), lambda: self._back())
        pulled = Trouble(self.pull, self._plug)
        return {"moved away": moved} | ({"pulled": pulled} if self.mounts else {})

    @property
    def _away(self) -> Path:
        return self.root.with_name("away")

    def _back(self) -> None:
        _put_back(self._away, self.root)

    def pull(self) -> None:
        subprocess.run(["umount", "--lazy", self.root.parent], check=True)

    def _plug(self) -> None:
        left = sorted(self.root.parent.rglob("*"))
        if not self._mount():
            raise RuntimeError("the disk cannot be mounted again")
        if left:
            raise AssertionError(f"something was written where the disk had been: {left[:3]}")

    def _mount(self) -> bool:
        command: list[str | Path] = ["mount", "-o", "loop", self.image, self.root.parent]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def read(self) -> Files:
        return _read(self.root)

    def write(self, files: Files) -> None:
        _write(self.root, files)

    def close(self) -> None:
        if self.mounts and self.root.exists():
            self.pull()


class Bucket:
    """SeaweedFS behind a line."""

    def __init__(self, server: Server) -> None:
        self.server, self.line = server, Line(server.port)
        self._client = server.client()
        server.bucket(BUCKET)
        self._filer = next(each.split("=")[1] for each in server.command if each.startswith("-filer.port="))
        self._keys = server.folder.parent / "keys.json"
        self._let_in = self._keys.read_text()

    def troubles(self) -> Mapping[str, Trouble]:
        start, kill = self.server.start, self.server.kill
        return _of_lines(self.line, kill, start) | {
            "revoked": Trouble(lambda: self._with_keys(self._let_in.replace(KEY, "another")), self._with_keys),
            "bucket gone": Trouble(lambda: self._swap("data", "away"), lambda: self._swap("away", "data")),
            "folder gone": Trouble(lambda: self._move(PREFIX, "away"), self._back),
            "stalled": Trouble(lambda: self._signal(signal.SIGSTOP), lambda: self._signal(signal.SIGCONT), passes=True),
            "stalled, then killed": Trouble(
                lambda: self._signal(signal.SIGSTOP), lambda: (kill(), start()), passes=True
            ),
        }

    def _signal(self, which: signal.Signals) -> None:
        assert self.server._process is not None
        self.server._process.send_signal(which)

    def _with_keys(self, content: str | None = None) -> None:
        """Another server of the same bucket, which lets others in."""
        self.server.kill()
        self._keys.write_text(content or self._let_in)
        ours = content is None
        secret = {"accessKey": "another", "secretKey": SECRET}
        client = self.server.client
        if not ours:
            self.server.client = lambda *_: client(tuple(secret.values()))  # type: ignore[method-assign]
        self.server.start()
        self.server.client = client  # type: ignore[method-assign]

    def _swap(self, out: str, back: str) -> None:
        """All that it keeps is out of its reach, and it knows of no bucket."""
        self.server.kill()
        data = self.server.folder
        if back == "away":
            data.rename(data.with_name("away"))
            data.mkdir()
        else:
            shutil.rmtree(data)
            data.with_name("away").rename(data)
        self.server.start()

    def _move(self, source: str, target: str) -> None:
        source, target = quote(source), quote(target)
        where = f"http://127.0.0.1:{self._filer}/buckets/{BUCKET}/{target}?mv.from=/buckets/{BUCKET}/{source}"
        urllib.request.urlopen(urllib.request.Request(where, method="POST", data=b""), timeout=10).close()

    def _back(self) -> None:
        """File by file, as the server took them away: what was written between two of them was written well, and
        stays.
        """
        for key in self._listed("away"):
            self._move(key, PREFIX + key.removeprefix("away"))
        with suppress(OSError):
            where = f"http://127.0.0.1:{self._filer}/buckets/{BUCKET}/away?recursive=true"
            urllib.request.urlopen(urllib.request.Request(where, method="DELETE"), timeout=10).close()

    def _listed(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix + "/")
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def _delete(self, keys: list[str]) -> None:
        for key in keys:
            self._client.delete_object(Bucket=BUCKET, Key=key)

    def read(self) -> Files:
        def content(key: str) -> bytes:
            for wait in (1, 3, 10):  # a server that was just started answers some requests with 500
                try:
                    return bytes(self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
                except ClientError as error:
                    told = str(error)
                    time.sleep(wait)
            return f"cannot be read: {told}".encode()  # which differs from whatever was there

        return {key.removeprefix(PREFIX + "/"): content(key) for key in self._listed(PREFIX)}

    def write(self, files: Files) -> None:
        self._delete([each for each in self._listed(PREFIX) if each.removeprefix(PREFIX + "/") not in files])
        for upload in self._client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
            self._client.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
        for path, content in files.items():
            self._client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{path}", Body=content)

    def close(self) -> None:
        self.line.close()


class Partner:
    """A real sshd behind a line."""

    def __init__(self, server: SftpServer, folder: Path) -> None:
        self.server, self.line = server, Line(server.port)
        self.root = server.root.parent / "partner"  # beside the replica that is there
        self.root.mkdir()
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text(server.known_hosts.read_text().replace(str(server.port), str(self.line.port)))
        self._host_keys = {path: path.read_bytes() for path in server.key.parent.glob("host_key*")}

    def troubles(self) -> Mapping[str, Trouble]:
        start, stop = self.server.start, self.server.stop
        return _of_lines(self.line, stop, start) | {
            "revoked": Trouble(self._revoke, lambda: self.server.let_in(self.server.key)),
            "folder gone": Trouble(lambda: self.root.rename(self._away), self._back),
            "another host key": Trouble(self._other_key, self._own_key),
            "stalled": Trouble(lambda: self._signal(signal.SIGSTOP), lambda: self._signal(signal.SIGCONT), passes=True),
            "stalled, then killed": Trouble(
                lambda: self._signal(signal.SIGSTOP), lambda: (stop(), start()), passes=True
            ),
        }

    @property
    def _away(self) -> Path:
        return self.root.with_name("away")

    def _revoke(self) -> None:
        self.server.let_in()
        self.line.cut()

    def _back(self) -> None:
        """What was written there meanwhile stands in nobody's place: it goes."""
        _put_back(self._away, self.root)

    def _signal(self, which: signal.Signals) -> None:
        for each in self.server.stalled()._processes:
            with suppress(ProcessLookupError):
                os.kill(each, which)

    def _other_key(self) -> None:
        self.server.stop()
        self.server.new_host_key(known=False)
        self.server.start()

    def _own_key(self) -> None:
        self.server.stop()
        for path, content in self._host_keys.items():
            path.write_bytes(content)
        self.server.start()

    def read(self) -> Files:
        return _read(self.root)

    def write(self, files: Files) -> None:
        _write(self.root, files)

    def close(self) -> None:
        self.line.close()


Place = Disk | Bucket | Partner


@contextmanager
def places(folder: Path) -> Iterator[dict[str, Any]]:
    """A disk, a bucket and a server that nothing ails."""
    weed = weed_server(_made(folder / "weed"))
    with ExitStack() as held:
        held.enter_context(running(weed))
        sftp = held.enter_context(sftp_server())
        yield {
            "disk": held.enter_context(closing(Disk(folder))),
            "bucket": held.enter_context(closing(Bucket(weed))),
            "server": held.enter_context(closing(Partner(sftp, folder))),
        }


def settings_of(standing: Mapping[str, Any], secret: Path) -> dict[str, list[str]]:
    """What `preserve replica add NAME` is told of each."""
    bucket, partner = standing["bucket"], standing["server"]
    secret.write_text(json.dumps(f"{KEY}:{SECRET}").strip('"'))
    secret.chmod(0o600)
    s3 = ["--endpoint", f"http://127.0.0.1:{bucket.line.port}", "--region", "us-east-1", "--secret", f"file:{secret}"]
    sftp = ["--key", str(partner.server.key), "--known-hosts", str(partner.known_hosts)]
    return {
        "disk": [str(standing["disk"].root)],
        "bucket": [f"s3://{BUCKET}/{PREFIX}", *s3],
        "server": [f"sftp://{partner.server.user}@127.0.0.1:{partner.line.port}{partner.root}", *sftp],
    }


def _of_lines(line: Line, kill: Callable[[], object], start: Callable[[], object]) -> dict[str, Trouble]:
    def shut(whether: bool) -> None:
        line.shut = whether
        line.cut()

    return {
        "cut once": Trouble(line.cut, lambda: None, passes=True),
        "cut for seconds": Trouble(lambda: shut(True), lambda: shut(False), passes=True),
        "cut for good": Trouble(lambda: shut(True), lambda: shut(False)),
        "killed": Trouble(kill, start),
        "killed and started": Trouble(kill, start, passes=True),
    }


def _put_back(away: Path, root: Path) -> None:
    """AssertionError where something was written meanwhile; it goes."""
    left = [root, *sorted(root.rglob("*"))] if root.exists() else []
    shutil.rmtree(root, ignore_errors=True)
    away.rename(root)
    if left:
        raise AssertionError(f"something was written where the replica had been: {left[:3]}")


def _read(root: Path) -> Files:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _write(root: Path, files: Files) -> None:
    for each in root.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
