"""The whole road over a disk, a bucket and an SFTP server, each a real one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import config
from tests.support.remote import REPLICAS, RemoteWorkspace, make_remote_workspace
from tests.support.s3_servers import Server, weed  # noqa: F401 - a fixture
from tests.support.sftp_server import sftp_server


@pytest.fixture
def placed(
    tmp_path: Path,
    weed: Server,  # noqa: F811 - the fixture
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Iterator[RemoteWorkspace]:
    with sftp_server() as sftp:
        yield make_remote_workspace(tmp_path, weed, _bucket(weed), sftp, capfdbinary)


def _bucket(server: Server) -> str:
    known = [each["Name"] for each in server.client().list_buckets()["Buckets"]]
    return "remote" if "remote" in known else server.bucket("remote")


def test_the_whole_road(placed: RemoteWorkspace) -> None:
    bags = {
        name: {path.relative_to(placed.folder / "bags" / name) for path in _files(placed, name)}
        for name in placed.packages
    }
    for replica in REPLICAS:
        assert {Path(name.decode()) for name in placed.names(replica)} == {
            Path(name) / path for name, paths in bags.items() for path in paths
        }
    placed.run("audit")
    placed.run("catalog", "backup")

    # Another file is damaged on each of them; two of them hold the right bytes of each.
    damaged = {replica: placed.file("box-0", number) for number, replica in enumerate(REPLICAS)}
    whole = {path: placed.read("disk", path) for path in damaged.values()}
    for replica, path in damaged.items():
        placed.change(replica, path, whole[path][:500] + b"?" + whole[path][501:])
    placed.run("audit", status=1)
    drift = placed.run("report", "drift", status=None)
    for replica in REPLICAS:
        assert replica in drift

    placed.run("repair", status=1)  # a plan: nothing was written
    assert placed.read("bucket", damaged["bucket"]) != whole[damaged["bucket"]]
    placed.run("repair", "--apply")
    for replica, path in damaged.items():
        assert placed.read(replica, path) == whole[path]
    placed.run("audit")
    placed.run("audit", "--claimed", status=None)

    placed.run("restore", "box-0", "--to", str(placed.folder / "restored"))
    assert _tree(placed.folder / "restored") == _tree(placed.folder / "bags" / "box-0")

    placed.run("remove", "box-1", "--reason", "was a trial", "--delete-copies", "--confirm", "box-1")
    for replica in REPLICAS:
        assert placed.names(replica) and not [name for name in placed.names(replica) if name.startswith(b"box-1/")]

    placed.run("catalog", "backup")
    placed.run("catalog", "check")


def test_a_catalog_is_made_again_from_the_bucket_alone(placed: RemoteWorkspace) -> None:
    placed.run("audit")
    placed.run("catalog", "backup")
    settings = placed.folder / "preserve.toml"
    text = settings.read_text()
    for name in ("disk", "server"):
        text = config.without_replica(text, name)
    settings.write_text(text)
    for catalog in placed.folder.glob("*.sqlite*"):
        catalog.unlink()
    placed.run("catalog", "rebuild", status=None)
    told = placed.run("status", "--json", status=None)
    assert "box-0" in str(told) and "box-1" in str(told)
    placed.run("audit", "--replica", "bucket")


def test_without_a_backup_it_is_made_from_the_bags_in_the_bucket(placed: RemoteWorkspace) -> None:
    settings = placed.folder / "preserve.toml"
    text = settings.read_text()
    for name in ("disk", "server"):
        text = config.without_replica(text, name)
    settings.write_text(text)
    for catalog in placed.folder.glob("*.sqlite*"):
        catalog.unlink()
    placed.run("catalog", "rebuild", "--without-backups", status=None)
    told = placed.run("status", "--json", status=None)
    assert "box-0" in str(told) and "box-1" in str(told)
    placed.run("audit", "--replica", "bucket")


def test_a_copy_that_is_gone_from_the_bucket_is_made_again(placed: RemoteWorkspace) -> None:
    for name in placed.names("bucket"):
        if name.startswith(b"box-0/"):
            placed.weed.client().delete_object(Bucket=placed.bucket, Key=f"{placed.prefix}/{name.decode()}")
    placed.run("replicate")
    placed.run("audit")


def test_a_bucket_of_which_much_is_gone_is_frozen_until_somebody_looked(placed: RemoteWorkspace) -> None:
    for name in placed.names("bucket"):
        if name.startswith(b"box-0/"):
            placed.weed.client().delete_object(Bucket=placed.bucket, Key=f"{placed.prefix}/{name.decode()}")
    placed.run("audit", status=1)
    assert "frozen" in placed.run("replicate", status=3)
    placed.run("repair", "--apply", "--confirm-change", "bucket")
    placed.run("audit")


def test_a_server_that_is_away_is_said_to_be_away_and_nothing_is_missing(placed: RemoteWorkspace) -> None:
    shutil.move(placed.server_root, placed.server_root.with_name("elsewhere"))
    told = placed.run("audit", "--json", status=3)
    assert "missing" not in str(told).replace("missing_", "")
    shutil.move(placed.server_root.with_name("elsewhere"), placed.server_root)
    placed.run("audit")


def _files(placed: RemoteWorkspace, package: str) -> list[Path]:
    return [path for path in (placed.folder / "bags" / package).rglob("*") if path.is_file()]


def _tree(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
