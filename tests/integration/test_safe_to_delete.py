"""`preserve safe-to-delete`: yes only where every file is kept well enough elsewhere, whatever somebody prepared."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import config
from checks.ports import Stat
from preserve.app.workspace import Workspace, utc_now
from preserve.cli.main import main
from preserve.repair import surveying
from preserve.stores.local_source import LocalSource
from preserve.stores.nesting import may_share, nested
from tests.support.workspaces import PlacedWorkspace, make_workspace

Ask = Callable[..., tuple[int, dict[str, Any]]]


@dataclass
class Local:
    """A workspace whose replicas stand at three sites, and the collection that it was made of."""

    placed: PlacedWorkspace
    source: Path

    def reasons(self, document: dict[str, Any]) -> dict[str, list[str]]:
        return {found["path"]: found["codes"] for found in document["findings"]}


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Local:
    placed = make_workspace(tmp_path, packages=1, files=14)
    state_sites(tmp_path, nas="reading room", disk="safe", abroad="Phnom Penh")
    monkeypatch.chdir(tmp_path)
    return Local(placed, tmp_path / "sources" / "box-0")


def state_sites(folder: Path, **sites: str) -> None:
    settings = folder / "preserve.toml"
    lines = settings.read_text(encoding="utf-8").splitlines()
    for name, site in sites.items():
        lines.insert(lines.index(f"[replica.{name}]") + 1, f'site = "{site}"')
    settings.write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def ask(capfdbinary: pytest.CaptureFixture[bytes]) -> Ask:
    """Asks with --json: (exit status, the one document on standard output)."""

    def asking(path: Path | str, *options: str) -> tuple[int, dict[str, Any]]:
        capfdbinary.readouterr()
        status = main(["safe-to-delete", str(path), *options, "--json"])
        return status, json.loads(capfdbinary.readouterr().out)

    return asking


def test_what_is_kept_three_times_may_go_under_whatever_name(local: Local, ask: Ask) -> None:
    file = next(path for path in local.source.rglob("*") if path.is_file() and path.stat().st_size > 1)
    file.rename(local.source / ".DS_Store")
    (local.source / "empty folder" / "ទទេ").mkdir(parents=True)
    status, document = ask(local.source, "--copies", "3", "--sites", "3")
    assert (status, document["answer"], document["outcome"]) == (0, "yes", "pass")
    assert document["counts"]["files"] == document["counts"]["safe"] == 14
    assert ask(local.source / ".DS_Store")[1]["answer"] == "yes"
    assert len(os.listdir(local.source)) > 1  # nothing was deleted


def test_a_file_that_was_never_taken_in_or_was_changed_stays(local: Local, ask: Ask) -> None:
    (local.source / ".DS_Store").write_bytes(b"not taken in")
    raw = os.fsencode(local.source) + b"/\xff\xfe.bin"
    Path(os.fsdecode(raw)).write_bytes(b"neither")
    khmer = local.source / "សំបុត្រ.txt"
    khmer.write_bytes(b"nor this")
    status, document = ask(local.source)
    assert (status, document["answer"]) == (1, "no")
    assert local.reasons(document) == {name: ["not-held"] for name in (".DS_Store", "\\xff\\xfe.bin", "សំបុត្រ.txt")}
    assert document["counts"]["not-held"] == document["counts"]["stay"] == 3
    assert any("path_base64" in found for found in document["findings"])


def test_too_few_copies_sites_and_old_readings_are_named(
    local: Local, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(map(tuple, local.reasons(ask(local.source, "--copies", "4")[1]).values())) == {("too-few-copies",)}
    status, document = ask(local.source, "--sites", "4")
    assert status == 1 and set(map(tuple, local.reasons(document).values())) == {("too-few-sites",)}
    monkeypatch.setattr("preserve.app.workspace.utc_now", lambda: utc_now() + timedelta(days=10))
    assert ask(local.source, "--days", "11")[0] == 0
    status, document = ask(local.source, "--days", "9")
    assert status == 1 and set(map(tuple, local.reasons(document).values())) == {("read-too-long-ago",)}


def test_replicas_without_a_site_are_at_no_second_site(tmp_path: Path, ask: Ask) -> None:
    make_workspace(tmp_path, packages=1, files=4)
    os.chdir(tmp_path)
    status, document = ask(tmp_path / "sources")
    assert status == 1 and document["counts"]["too-few-sites"] == 4
    assert main(["safe-to-delete", "sources"]) == 1
    assert ask(tmp_path / "sources", "--sites", "1")[0] == 0


def test_damage_and_doubt_do_not_count(local: Local, ask: Ask) -> None:
    placed = local.placed
    path = next(
        path
        for path in placed.files["box-0"]
        if path.startswith(b"data/") and placed.is_held_once("box-0", path) and path.isascii()
    )
    name = os.fsdecode(path.removeprefix(b"data/"))
    for replica in ("nas", "disk"):
        (placed.copy(replica, "box-0") / os.fsdecode(path)).write_bytes(b"other")
    placed.audit()
    status, document = ask(local.source)
    assert status == 1 and local.reasons(document) == {name: ["damaged-copies"]}
    assert document["findings"][0]["copies_that_count"] == 1
    (placed.folder / "abroad" / ".preserve").rename(placed.folder / "abroad" / "elsewhere")
    placed.audit()
    document = ask(local.source)[1]
    assert local.reasons(document)[name] == ["damaged-copies", "in-doubt"]
    assert document["counts"]["stay"] == 1


def test_what_was_recorded_but_never_read_does_not_count(local: Local, ask: Ask) -> None:
    with local.placed.open() as workspace, workspace.catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE shard_state SET read_at = NULL, claimed_at = listed_at WHERE copy_id > 1")
    status, document = ask(local.source)
    assert status == 1 and set(map(tuple, local.reasons(document).values())) == {("never-read",)}


def test_a_replica_is_no_copy_of_what_lies_in_it(local: Local, ask: Ask) -> None:
    nas = local.placed.folder / "nas"
    for inside in (nas / "box-0", nas, local.placed.folder):
        document = ask(inside, "--copies", "3")[1]
        assert document["answer"] == "no"
        counting = {each["name"] for each in document["replicas"] if each["counts"]}
        assert counting == (set() if inside == local.placed.folder else {"disk", "abroad"})
    assert "too-few-copies" in {code for found in document["findings"] for code in found["codes"]}
    (local.placed.folder / "link").symlink_to(nas)
    document = ask(local.placed.folder / "link" / "box-0", "--copies", "3")[1]
    assert "nas" not in {each["name"] for each in document["replicas"] if each["counts"]}


def test_one_place_under_two_names_is_one_place(tmp_path: Path) -> None:
    real, other = tmp_path / "real", tmp_path / "other"
    (real / "deep").mkdir(parents=True)
    other.mkdir()
    assert not nested(os.fsencode(real), os.fsencode(other))
    mounted = subprocess.run(["mount", "--bind", real / "deep", other], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("bind mounts cannot be made here")
    try:
        assert nested(os.fsencode(other), os.fsencode(real))
        assert nested(os.fsencode(real), os.fsencode(other))
        assert nested(os.fsencode(tmp_path / "other"), os.fsencode(real / "deep" / "not there"))
    finally:
        subprocess.run(["umount", other], check=True)
    assert not nested(os.fsencode(real), os.fsencode(other))


def test_a_hard_link_of_a_copy_is_a_file_like_others(local: Local, ask: Ask) -> None:
    path = next(path for path in local.placed.files["box-0"] if path.startswith(b"data/"))
    os.link(local.placed.copy("nas", "box-0") / os.fsdecode(path), local.source / "linked")
    assert ask(local.source)[1]["answer"] == "yes"


def test_what_is_no_file_is_never_a_yes_and_nothing_hangs(local: Local, ask: Ask) -> None:
    os.mkfifo(local.source / "pipe")
    (local.source / "link").symlink_to(next(local.source.rglob("*.bin")))
    status, document = ask(local.source)
    assert status == 1
    assert local.reasons(document) == {"pipe": ["not-a-regular-file"], "link": ["not-a-regular-file"]}
    for alone in ("pipe", "link"):
        assert ask(local.source / alone)[1]["answer"] == "no"


def test_what_cannot_be_read_here_is_not_determined(local: Local, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = surveying._seen
    sources = {os.fsencode(path.relative_to(local.source)) for path in local.source.rglob("*.bin")}
    first = min(sources)
    monkeypatch.setattr(
        surveying, "_seen", lambda reading: seen(reading._replace(changed=reading.path == first or reading.changed))
    )
    status, document = ask(local.source)
    assert (status, document["answer"], document["outcome"]) == (3, "undetermined", "inconclusive")
    assert local.reasons(document) == {os.fsdecode(first): ["unreadable"]}
    (local.source / "new").write_bytes(b"new")
    assert ask(local.source)[0] == 1  # where both hold


def test_a_file_that_grows_while_it_is_read_is_not_determined(
    local: Local, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = next(iter(local.source.rglob("*.bin")))
    whole = LocalSource.whole

    def growing(self: LocalSource, buffer: memoryview, most_bytes: int) -> tuple[int, Stat] | None:
        if file.name.encode() in self.path:
            with file.open("ab") as stream:
                stream.write(b"more")
        return whole(self, buffer, most_bytes)

    monkeypatch.setattr(LocalSource, "whole", growing)
    status, document = ask(file)
    assert status == 3 and "changed while it was read" in document["findings"][0]["message"]


def test_an_empty_path_is_not_a_yes_and_a_missing_one_a_mistake(local: Local, ask: Ask) -> None:
    empty = local.placed.folder / "empty"
    (empty / "in").mkdir(parents=True)
    status, document = ask(empty)
    assert (status, document["answer"]) == (3, "undetermined")
    for wrong in ("not there", "empty/in/not there", "not there/not there", "preserve.toml/x"):
        assert ask(wrong)[0] == 2
    assert ask(local.source / "..")[1]["path"] == str(local.source.parent)


def test_a_removed_package_keeps_nothing(local: Local, ask: Ask) -> None:
    assert main(["remove", "box-0", "--reason", "moved to the city archive"]) == 0
    status, document = ask(local.source)
    assert status == 1 and document["counts"]["not-held"] == 14


def test_a_replica_that_is_away_counts_only_if_it_may_be_away(local: Local, ask: Ask) -> None:
    shutil.move(local.placed.folder / "disk", local.placed.folder / "in the safe")
    status, document = ask(local.source, "--copies", "3", "--sites", "3")
    assert status == 1 and document["counts"]["in-doubt"] == 14
    settings = local.placed.folder / "preserve.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[replica.disk]\n", "[replica.disk]\noffline = true\n"), encoding="utf-8")
    status, document = ask(local.source, "--copies", "3", "--sites", "3")
    assert status == 0
    assert [each["available"] for each in document["replicas"] if each["name"] == "disk"] == [False]
    assert main(["audit", "--replica", "disk"]) == 3  # asked for by name it is missed
    status, document = ask(local.source, "--copies", "3", "--sites", "3")
    assert status == 1 and document["counts"]["in-doubt"] == 14
    assert ask(local.source)[0] == 0


def test_what_was_read_and_is_gone_since_does_not_count(local: Local, ask: Ask) -> None:
    lost = next(path for path in local.placed.copy("nas", "box-0").rglob("*.bin") if path.stat().st_size > 1000)
    lost.unlink()
    status, document = ask(local.source, "--copies", "3", "--sites", "3")
    assert status == 1 and document["counts"]["in-doubt"] == 1
    shutil.rmtree(local.placed.copy("disk", "box-0"))
    assert ask(local.source, "--copies", "2")[0] == 1
    assert ask(local.source, "--copies", "1", "--sites", "1")[0] == 0


def test_the_answer_in_words(local: Local, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["safe-to-delete", "sources/box-0"]) == 0
    assert "✔ YES: all 14 files" in capfdbinary.readouterr().out.decode()
    (local.source / "new\x1b[31m").write_bytes(b"new")
    assert main(["safe-to-delete", "sources/box-0"]) == 1
    told = capfdbinary.readouterr().out.decode()
    assert "✖ NO: 1 of 15 files" in told and "new\\x1b[31m  not-held" in told and "\x1b" not in told


def test_nothing_is_written(local: Local, ask: Ask) -> None:
    with Workspace(config.load(local.placed.folder / "preserve.toml")) as workspace:
        head = workspace.catalog.head()
        ask(local.source)
        assert workspace.catalog.head() == head


def _as_one_file(local: Local, replicas: tuple[str, ...]) -> None:
    """The same file under each of these replicas, by hard links, which cost no room and keep nothing."""
    for path in local.placed.files["box-0"]:
        first, *others = (local.placed.copy(name, "box-0") / os.fsdecode(path) for name in replicas)
        for other in others:
            other.unlink()
            os.link(first, other)


def test_one_file_on_two_replicas_is_one_copy(local: Local, ask: Ask) -> None:
    _as_one_file(local, ("nas", "disk"))
    assert ask(local.source)[0] == 0  # with the one abroad they are two
    status, document = ask(local.source, "--copies", "3", "--sites", "1")
    assert status == 1 and document["counts"]["too-few-copies"] == 14
    assert all("the same file as on another replica" in found["message"] for found in document["findings"])
    _as_one_file(local, ("abroad", "nas", "disk"))
    status, document = ask(local.source, "--copies", "2", "--sites", "2")
    assert status == 1 and document["counts"]["too-few-copies"] == 14
    assert {found["sites_that_count"] for found in document["findings"]} == {1}


def test_a_folder_of_one_replica_mounted_in_another_is_one_copy(local: Local, ask: Ask) -> None:
    nas, disk = (local.placed.copy(name, "box-0") for name in ("nas", "disk"))
    mounted = subprocess.run(["mount", "--bind", nas, disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("bind mounts cannot be made here")
    try:
        status, document = ask(local.source, "--copies", "3", "--sites", "3")
        assert status == 1 and document["counts"]["too-few-copies"] == 14
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)  # a store may keep a descriptor of it for a while


def test_whether_two_folders_can_show_one_file(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one, other = os.fsencode(tmp_path / "one"), os.fsencode(tmp_path / "other")
    assert may_share(one, other)
    assert not may_share(one, b"/proc/self") and not may_share(b"/proc/self", one)


def test_nothing_on_a_frozen_replica_counts(local: Local, ask: Ask) -> None:
    settings = local.placed.folder / "preserve.toml"
    text = settings.read_text(encoding="utf-8")
    lower = text.replace("mass_change_share = 0.5", "mass_change_share = 0.1")
    settings.write_text(lower.replace("mass_change_files = 20", "mass_change_files = 3"), encoding="utf-8")
    whole = [path for path in local.placed.files["box-0"] if path.startswith(b"data/")]
    for path in whole[:4]:
        (local.placed.copy("disk", "box-0") / os.fsdecode(path)).write_bytes(b"encrypted")
    local.placed.audit()
    status, document = ask(local.source, "--copies", "3", "--sites", "3")
    assert status == 1 and document["counts"]["stay"] == 14
    (disk,) = (each for each in document["replicas"] if each["name"] == "disk")
    assert not disk["counts"] and "frozen" in disk["why_not"]
    assert ask(local.source)[0] == 0


def test_a_clock_that_was_set_back_makes_no_answer(
    local: Local, ask: Ask, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("preserve.app.workspace.utc_now", lambda: utc_now() - timedelta(minutes=4))
    assert ask(local.source)[1]["answer"] != "undetermined"  # hosts' clocks differ a little
    monkeypatch.setattr("preserve.app.workspace.utc_now", lambda: utc_now() - timedelta(minutes=6))
    status, document = ask(local.source)
    assert (status, document["answer"], document["outcome"]) == (3, "undetermined", "inconclusive")
    assert "the clock says" in document["summary"]
    assert main(["safe-to-delete", str(local.source)]) == 3
    assert "NOT KNOWN: the clock says" in capfdbinary.readouterr().out.decode().replace("\n", " ")


def test_a_record_that_was_changed_keeps_nothing(local: Local, ask: Ask) -> None:
    """The digest of a file that nobody keeps, written into the record by hand."""
    new = local.source / "never taken in.bin"
    with local.placed.open() as workspace, workspace.catalog.writing() as connection:
        (shard,) = workspace.catalog.shards(1)
        first = workspace.catalog.record(shard.id).sizes[0]
        new.write_bytes(b"x" * first)
        digest = sha256(new.read_bytes()).digest()
        connection.exec_driver_sql("UPDATE record SET digests = CAST(? || substr(digests, 33) AS BLOB)", (digest,))
    status, document = ask(new)
    assert status == 3 and "not what its root says" in json.dumps(document)


def test_a_check_without_an_answer_leaves_nothing_green(
    local: Local, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Also without a finding: then nobody knows how the copy is."""
    assert main(["status"]) == 0
    with local.placed.open() as workspace, workspace.catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE shard_state SET outcome = 'inconclusive', failures = 1 WHERE copy_id = 2")
    capfdbinary.readouterr()
    assert main(["status"]) == 3
