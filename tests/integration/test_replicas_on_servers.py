"""Replicas on real servers: SeaweedFS, rclone and OpenSSH, through the command line as a user has it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

import config
from preserve.cli.main import main
from tests.support.bags import make_bag
from tests.support.s3_servers import CREDENTIALS, Server, rclone_s3, weed
from tests.support.sftp_server import IDENTITY, SftpServer, sftp_server

__all__ = ["rclone_s3", "weed"]  # fixtures


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace with a secret beside it."""
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    secret = tmp_path / "s3-key"
    secret.touch(0o600)
    secret.write_text("\n".join(CREDENTIALS))
    return tmp_path


@pytest.fixture
def ssh() -> Iterator[SftpServer]:
    with sftp_server() as server:
        (server.root.parent / "mine").mkdir()  # beside the replica that is there
        yield server


def add_bucket(server: Server, url: str, *more: str, secret: str = "file:s3-key") -> int:
    place = ("--endpoint", server.endpoint, "--region", "us-east-1", "--secret", secret)
    return main(["replica", "add", "cloud", url, *place, *more])


def add_server(server: SftpServer, *more: str, path: str = "mine") -> int:
    url = f"sftp://{server.user}@127.0.0.1:{server.port}{server.root.parent}/{path}"
    keys = ("--key", str(server.key), "--known-hosts", str(server.known_hosts))
    return main(["replica", "add", "partner", url, *keys, *more])


def told(capfd: pytest.CaptureFixture[str]) -> str:
    captured = capfd.readouterr()
    text = " ".join(f"{captured.err} {captured.out}".split())
    assert CREDENTIALS[1] not in text, "no secret is shown"
    return text


def test_copies_are_placed_read_and_listed_on_all_three_kinds(
    archive: Path, weed: Server, ssh: SftpServer, capfd: pytest.CaptureFixture[str]
) -> None:
    bucket = weed.bucket(f"b-{uuid4()}")
    weed.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    (archive / "nas").mkdir()
    assert main(["replica", "add", "nas", "nas"]) == 0
    assert add_bucket(weed, f"s3://{bucket}/copies", "--site", "abroad") == 0
    assert "versions kept" in told(capfd)
    assert add_server(ssh, "--site", "partner") == 0
    (archive / "letters").mkdir()
    (archive / "letters" / "ទំព័រ.txt").write_text("1975")
    make_bag(archive / "letters", archive / "bags" / "letters")
    for command in (["add", "bags/letters"], ["replicate"], ["audit"], ["status"], ["catalog", "backup"]):
        assert main(command) == 0, told(capfd)
    assert (ssh.root.parent / "mine" / "letters" / "data" / "ទំព័រ.txt").read_text() == "1975"
    held = {one["Key"] for one in weed.client().list_objects_v2(Bucket=bucket)["Contents"]}
    assert {"copies/letters/data/ទំព័រ.txt", "copies/letters/bagit.txt", "copies/.preserve/identity.json"} <= held
    assert not [key for key in held if "trial" in key]
    told(capfd)
    assert main(["replica", "list", "--json"]) == 0
    listed = {line["name"]: line for line in json.loads(capfd.readouterr().out)["replicas"]}
    assert {name: line["kind"] for name, line in listed.items()} == {"nas": "folder", "cloud": "s3", "partner": "sftp"}
    assert listed["cloud"]["protection"]["versioning"] == "on"
    assert main(["replica", "thaw", "cloud"]) == 0
    assert "has to be brought back" in told(capfd)


class TestBuckets:
    @pytest.mark.parametrize(
        ("secret", "says"),
        [("ID:WRONG", "refused"), ("\n".join((CREDENTIALS[0], "WRONG")), "refused"), ("only", "two lines")],
    )
    def test_a_wrong_key_is_told_and_nothing_is_added(
        self, archive: Path, weed: Server, secret: str, says: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (archive / "s3-key").write_text(secret)
        assert add_bucket(weed, f"s3://{weed.bucket(f'b-{uuid4()}')}/copies") == 2
        said = told(capfd)
        assert says in said and "WRONG" not in said
        assert not config.load(archive / "preserve.toml").replicas

    def test_a_bucket_that_is_not_there_is_told(
        self, archive: Path, weed: Server, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert add_bucket(weed, "s3://no-such-bucket/copies") == 2
        assert "no such bucket" in told(capfd)

    def test_a_secret_of_the_environment(self, archive: Path, weed: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRIAL_KEY", ":".join(CREDENTIALS))
        assert add_bucket(weed, f"s3://{weed.bucket(f'b-{uuid4()}')}", secret="env:TRIAL_KEY") == 0
        assert CREDENTIALS[1] not in (archive / "preserve.toml").read_text()

    def test_another_archives_place_is_not_taken(
        self, archive: Path, weed: Server, capfd: pytest.CaptureFixture[str]
    ) -> None:
        url = f"s3://{weed.bucket(f'b-{uuid4()}')}/copies"
        assert add_bucket(weed, url) == 0
        key = {"Bucket": url.split("/")[2], "Key": "copies/.preserve/identity.json"}
        before = weed.client().get_object(**key)["Body"].read()
        assert main(["replica", "remove", "cloud"]) == 0
        assert add_bucket(weed, url) == 0, "its own is taken up again"
        assert weed.client().get_object(**key)["Body"].read() == before
        told(capfd)

    def test_a_server_that_knows_less_of_s3_is_told_as_what_it_is(
        self, archive: Path, rclone_s3: Callable[[Path], Server], capfd: pytest.CaptureFixture[str]
    ) -> None:
        (archive / "rclone" / "bucket").mkdir(parents=True)
        server = rclone_s3(archive / "rclone")
        assert add_bucket(server, "s3://bucket/copies") == 0
        said = told(capfd)
        assert "keeps no older versions" in said
        assert "does not keep to If-None-Match" in said and "let no second one write there" in said
        held = [path.name for path in (archive / "rclone").rglob("*") if path.is_file()]
        assert held == ["identity.json"], "the trial was taken away"


class TestServers:
    def test_an_unknown_host_is_refused_with_the_command_that_shows_its_key(
        self, archive: Path, ssh: SftpServer, capfd: pytest.CaptureFixture[str]
    ) -> None:
        ssh.known_hosts.write_text("")
        assert add_server(ssh) == 2
        assert "ssh-keyscan" in told(capfd)
        assert not list((ssh.root.parent / "mine").iterdir())

    def test_a_key_that_is_known_of_an_address_is_not_believed_of_a_name(
        self, archive: Path, ssh: SftpServer, capfd: pytest.CaptureFixture[str]
    ) -> None:
        url = f"sftp://{ssh.user}@localhost:{ssh.port}{ssh.root.parent}/mine"
        keys = ("--key", str(ssh.key), "--known-hosts", str(ssh.known_hosts))
        assert main(["replica", "add", "partner", url, *keys]) == 2
        assert "its host key is not known" in told(capfd)

    def test_a_folder_that_is_not_there_is_told(
        self, archive: Path, ssh: SftpServer, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert add_server(ssh, path="gone") == 2
        assert "the folder is not there" in told(capfd)

    def test_a_server_that_nothing_can_be_written_to_says_which_right_is_missing(
        self, archive: Path, ssh: SftpServer, capfd: pytest.CaptureFixture[str]
    ) -> None:
        ssh.stop()
        ssh.start("-R")
        assert add_server(ssh) == 2
        assert "to write into that folder" in told(capfd)

    def test_another_archives_replica_is_taken_over_only_when_told_to_and_keeps_its_identity(
        self, archive: Path, ssh: SftpServer, capfd: pytest.CaptureFixture[str]
    ) -> None:
        identity = ssh.root / ".preserve" / "identity.json"
        before = identity.read_bytes()
        assert add_server(ssh, path="replica") == 2
        said = told(capfd)
        assert IDENTITY in said and "which this catalog does not know" in said and "`--take-over`" in said
        assert not config.load(archive / "preserve.toml").replicas and identity.read_bytes() == before
        assert add_server(ssh, "--take-over", path="replica") == 0
        assert list(config.load(archive / "preserve.toml").replicas) == ["partner"]
        assert identity.read_bytes() == before, "a disk is added under the identity that it has"
