"""`preserve audit --claimed` with real providers: what it proves, what it cannot, and that nobody takes it for more."""

import json
import os
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from preserve.cli.main import main
from tests.support.bags import make_bag
from tests.support.s3_servers import CREDENTIALS, Server, rclone_s3, weed

__all__ = ["rclone_s3", "weed"]  # fixtures

FILE = "letters/data/1975.txt"
GOOD, OTHER = b"as it was taken in\n" * 50, b"as it was forged 2\n" * 50


@dataclass
class Kept:
    """A package in a bucket and on a disk."""

    server: Server
    bucket: str
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str, status: int = 0) -> str:
        """What a command tells on both streams, in one line."""
        self.capture.readouterr()
        ended = main(list(arguments))
        told = self.capture.readouterr()
        assert ended == status, (arguments, ended, told.out, told.err)
        return told.out if "--json" in arguments else " ".join(f"{told.err} {told.out}".split())

    def put(self, content: bytes, **more: str) -> None:
        """Another program writes over the file."""
        self.server.client().put_object(Bucket=self.bucket, Key=f"copies/{FILE}", Body=content, **more)

    def last_read(self) -> dict[str, Any]:
        """When each replica was last read, as `preserve status` says."""
        told = json.loads(self.run("status", "--json"))
        return {each["name"]: each["oldest_read_at"] for each in told["replicas"]}


def kept(folder: Path, server: Server, bucket: str, capture: pytest.CaptureFixture[str]) -> Kept:
    made = Kept(server, bucket, capture)
    (folder / "s3-key").touch(0o600)
    (folder / "s3-key").write_text("\n".join(CREDENTIALS))
    (folder / "disk").mkdir()
    (folder / "letters").mkdir()
    (folder / "letters" / "1975.txt").write_bytes(GOOD)
    make_bag(folder / "letters", folder / "bags" / "letters")
    place = ("--endpoint", server.endpoint, "--region", "us-east-1", "--secret", "file:s3-key")
    made.run("init")
    made.run("replica", "add", "disk", "disk")
    made.run("replica", "add", "cloud", f"s3://{bucket}/copies", *place)
    made.run("add", "bags/letters")
    made.run("replicate")
    return made


@pytest.fixture
def honest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weed: Server, capsys: pytest.CaptureFixture[str]) -> Kept:
    """SeaweedFS, which computes the checksum of what it is given."""
    monkeypatch.chdir(tmp_path)
    return kept(tmp_path, weed, weed.bucket(f"b-{uuid4()}"), capsys)


def test_what_we_wrote_is_claimed_good_and_counts_as_no_reading(honest: Kept) -> None:
    before = honest.last_read()
    told = honest.run("audit", "--claimed")
    assert "did not read" in told and "claimed good" in told and "only reading proves it" in told
    assert "read all that was asked" not in told
    document = json.loads(honest.run("audit", "--claimed", "--json"))
    assert (document["outcome"], document["audit"]["required_evidence"]) == ("pass", "claimed")
    assert honest.last_read() == before and None not in before.values()


def test_another_content_with_its_own_checksum_is_found(honest: Kept) -> None:
    honest.put(OTHER, ChecksumSHA256=b64encode(sha256(OTHER).digest()).decode())
    told = honest.run("audit", "--claimed", status=1)
    assert "By these, 1 file bad" in told and "data/1975.txt" in told
    assert honest.run("audit", status=1)
    assert honest.run("repair", "--apply")
    assert honest.run("audit")


def test_what_is_gone_is_found(honest: Kept) -> None:
    honest.server.client().delete_object(Bucket=honest.bucket, Key=f"copies/{FILE}")
    assert "missing" in honest.run("audit", "--claimed", "--json", status=1)


@pytest.mark.parametrize("content", [GOOD, OTHER])
def test_a_file_without_a_claim_could_not_be_determined_whatever_it_is(honest: Kept, content: bytes) -> None:
    honest.put(content)
    told = honest.run("audit", "--claimed", status=3)
    assert "Of 1 file no checksum could be had" in told
    assert honest.run("audit", status=0 if content == GOOD else 1)


def test_a_claim_closes_no_finding_that_reading_opened(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rclone_s3: Callable[[Path], Server],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """rclone over a folder claims what was put, whatever was changed beneath it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "served" / "bucket").mkdir(parents=True)
    lying = kept(tmp_path, rclone_s3(tmp_path / "served"), "bucket", capsys)
    beneath = tmp_path / "served" / "bucket" / "copies" / FILE
    times = beneath.stat()
    beneath.write_bytes(OTHER)
    os.utime(beneath, ns=(times.st_atime_ns, times.st_mtime_ns))
    before = lying.last_read()

    told = lying.run("audit", "--claimed")
    assert "did not read" in told and "only reading proves it" in told
    assert lying.last_read() == before
    assert "data/1975.txt" in lying.run("audit", status=1)
    assert "did not read" in lying.run("audit", "--claimed")
    assert "data/1975.txt" in lying.run("report", "drift", "--json"), "it stays open"
    lying.run("repair", "--apply")
    assert beneath.read_bytes() == GOOD
    lying.run("audit")


def test_nobody_claims_anything_of_a_folder(honest: Kept) -> None:
    told = honest.run("audit", "--claimed", "--replica", "disk", status=2)
    assert "nobody keeps checksums of what lies on disk" in told


def test_a_file_under_another_name_is_known_by_its_claim(honest: Kept) -> None:
    client, digest = honest.server.client(), b64encode(sha256(GOOD).digest()).decode()
    client.put_object(Bucket=honest.bucket, Key="copies/letters/data/renamed.txt", Body=GOOD, ChecksumSHA256=digest)
    client.delete_object(Bucket=honest.bucket, Key=f"copies/{FILE}")
    document = json.loads(honest.run("audit", "--claimed", "--json", status=1))
    assert [(found["code"], found["path"]) for found in document["findings"]] == [("moved", "data/1975.txt")]
