"""The same bytes, reached in two ways, are one copy: neither `adopt` nor `replica add` makes two of them."""

import os
import shutil
from pathlib import Path

import pytest

import config
from preserve.app import overlaps
from preserve.app.replicas import add_replica
from preserve.errors import UsageError
from preserve.stores.local_replica import LocalReplica
from tests.integration.test_reconcile import Run, bags, lay, placed, run
from tests.support.workspaces import PlacedWorkspace

__all__ = ["placed", "run"]


def add(placed: PlacedWorkspace, name: str, folder: Path) -> None:
    with placed.open() as workspace:
        add_replica(workspace, name, str(folder), medium=None, site=None, offline=False)


def test_a_bag_on_a_replica_that_lies_in_this_one_is_not_adopted(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/inner/letters", name="letters")
    shutil.copytree(placed.folder / "disk/.preserve", placed.folder / "nas/inner/.preserve")
    status, answer = run("adopt", "nas", "inner/letters")
    (line,) = answer["bags"]
    assert (status, line["became"]) == (1, "nothing") and "inner is a replica of its own" in line["problem"]


def test_hard_links_are_the_same_bytes_and_no_second_copy(placed: PlacedWorkspace, run: Run) -> None:
    shutil.rmtree(placed.folder / "disk/box-0")
    assert run("adopt", "abroad")[0] == 0
    shutil.copytree(placed.folder / "nas/box-0", placed.folder / "abroad/box-0", copy_function=os.link)
    _, answer = run("adopt", "abroad")
    assert "hard link" in bags(answer)["box-0"]["problem"]
    shutil.rmtree(placed.folder / "abroad/box-0")
    shutil.copytree(placed.folder / "nas/box-0", placed.folder / "abroad/box-0")
    status, answer = run("adopt", "abroad")
    assert (status, bags(answer)["box-0"]["became"]) == (0, "copy"), "bytes of its own are a copy"


def test_a_replica_in_a_folder_that_somebody_elses_replica_holds_is_refused(
    placed: PlacedWorkspace, tmp_path: Path
) -> None:
    outer = tmp_path / "theirs"
    shutil.copytree(placed.folder / "disk/.preserve", outer / ".preserve")
    identity = outer / ".preserve/identity.json"
    with placed.open() as workspace:
        ours = str(workspace.replicas(("disk",))[0].uuid)
    identity.write_text(identity.read_text().replace(ours, "0f0e0d0c-0000-4000-8000-000000000000"))
    (outer / "deep/er").mkdir(parents=True)
    with pytest.raises(UsageError, match="which is a replica, disk"):
        add(placed, "new", outer / "deep/er")
    assert not (outer / "deep/er/.preserve").exists()


def test_a_replica_around_a_known_one_is_refused_though_their_paths_do_not_show_it(
    placed: PlacedWorkspace, tmp_path: Path
) -> None:
    outer = tmp_path / "mirror"
    shutil.copytree(placed.folder / "disk/.preserve", outer / "disk/.preserve")  # as a share or a mount would show it
    with pytest.raises(UsageError, match="holds disk, which is the replica disk"):
        add(placed, "new", outer)
    assert not (outer / ".preserve").exists()


def test_a_folder_that_is_mounted_in_two_places_is_one_place(
    placed: PlacedWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("preserve.app.replicas.nested", lambda one, other: other.endswith(b"/disk"))
    with pytest.raises(UsageError, match="in the replica disk"):
        add(placed, "new", tmp_path / "elsewhere")


def test_the_folders_above_a_prefix_and_a_servers_folder_are_looked_at(tmp_path: Path) -> None:
    text = config.with_replica("", "cloud", "s3://bucket/a/b/c", keys={})
    text = config.with_replica(text, "partner", "sftp://keeper@host/srv/copies", keys={})
    replicas = config.parse(text, tmp_path / "preserve.toml").replicas
    (tmp_path / "empty").mkdir()
    asked: list[str] = []

    def opened(replica: config.Replica) -> LocalReplica:
        asked.append(replica.address.where)
        return LocalReplica(bytes(tmp_path / "empty"))

    for name in ("cloud", "partner"):
        overlaps.refuse_nested(replicas[name], LocalReplica(bytes(tmp_path / "empty")), "", (), opened)
    assert asked == [
        "s3://bucket/a/b", "s3://bucket/a", "s3://bucket", "sftp://keeper@host/srv", "sftp://keeper@host/",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://127.0.0.1:9000", "http://localhost:9000"),
        ("http://localhost:9000", "http://[::1]:9000"),
        ("https://s3.example.org", "https://S3.Example.org.:443"),
        ("http://s3.example.org:80", "http://s3.example.org"),
    ],
)
def test_a_host_that_is_spelled_differently_is_the_same_host(one: str, other: str) -> None:
    addresses = [config.S3Address("bucket", prefix, endpoint=at) for prefix, at in ((b"a", one), (b"a/b", other))]
    assert config.overlap(*addresses)


@pytest.mark.parametrize(("one", "other"), [("localhost", "127.0.0.1"), ("::1", "localhost"), ("nas.", "NAS")])
def test_a_server_that_is_spelled_differently_is_the_same_server(one: str, other: str) -> None:
    assert config.overlap(config.SftpAddress(one, 22, None, b"/srv"), config.SftpAddress(other, 22, "k", b"/srv/x"))


def test_other_hosts_and_ports_are_other_places() -> None:
    one = config.S3Address("bucket", b"", endpoint="http://localhost:9000")
    for endpoint in ("http://localhost:9001", "http://s3.example.org:9000"):
        assert not config.overlap(one, config.S3Address("bucket", b"", endpoint=endpoint))
