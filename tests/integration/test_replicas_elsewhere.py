"""Replicas that are no folder of this machine: adding them, listing them, thawing what lies cold there."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import config
from checks.ports import NotFoundError, StoreError, UnavailableError
from preserve.app import replicas
from preserve.app.workspace import Workspace
from preserve.cli.main import main
from preserve.stores import opening
from preserve.stores.capabilities import Protection, Thaw, Versioning
from preserve.stores.identity import IDENTITY_FILE
from preserve.stores.memory import MemoryBucket, MemoryDisk
from preserve.stores.memory_base import MemoryStore
from preserve.stores.port import NotReadableNowError, ReplicaStore
from preserve.stores.rooms.replica import RemoteReplica
from tests.support.bags import make_bag

BUCKET, SERVER = "s3://bucket/copies", "sftp://archive@host/srv/copies"
Json = Callable[..., tuple[int, dict[str, Any]]]


class ColdBucket(MemoryBucket):
    """A bucket with versions, in which files can lie cold."""

    def __init__(self) -> None:
        super().__init__()
        self.said = Protection(versioning=Versioning.ON, lock="90 days, governance")
        self.cold: set[bytes] = set()
        self.on_its_way: set[bytes] = set()
        self.asked: list[tuple[bytes, int]] = []

    def protection(self) -> Protection:
        self.hook("protection", b"")
        return self.said

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> Any:
        if path in self.cold:
            raise NotReadableNowError("it lies cold", cause="not-readable-now")
        return super().open(path, past_cache=past_cache, offset=offset, expected_bytes=expected_bytes)

    def thaw(self, path: bytes, days: int) -> Thaw:
        self.hook("thaw", path)
        if path not in self.files:
            raise NotFoundError("nothing is there")
        self.asked.append((path, days))
        if path in self.on_its_way:
            return Thaw.UNDER_WAY
        if path in self.cold:
            self.on_its_way.add(path)
            return Thaw.ASKED
        return Thaw.READABLE


class _Refuses(MemoryStore):
    """Whose other side refuses to write over a file, or does not."""

    def __init__(self, *, refuses: bool) -> None:
        super().__init__()
        self._refuses = refuses

    def refuses_overwriting(self, trial: bytes, content: bytes) -> bool:
        assert self.files[trial] == content
        return self._refuses


class Tried(_Refuses, MemoryBucket):
    """A bucket with which that can be tried."""


class TriedDisk(_Refuses, MemoryDisk):
    """A server with which that can be tried."""


@pytest.fixture
def bucket() -> ColdBucket:
    return ColdBucket()


@pytest.fixture
def server() -> MemoryDisk:
    return MemoryDisk()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: ColdBucket, server: MemoryDisk) -> Path:
    """A workspace; what the settings call a bucket or a server is in memory."""

    def opened(replica: config.Replica) -> ReplicaStore:
        stores: dict[str, MemoryStore] = {"s3": bucket, "sftp": server}
        scheme = replica.url.partition("://")[0]
        return RemoteReplica(stores[scheme]) if scheme in stores else opening.open_replica(replica)

    for module in ("replicas", "workspace"):
        monkeypatch.setattr(f"preserve.app.{module}.open_replica", opened)
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    return tmp_path


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Json:
    """Runs a command with --json: (exit status, the one document on standard output)."""

    def runner(*arguments: str) -> tuple[int, dict[str, Any]]:
        capfd.readouterr()
        status = main([*arguments, "--json"])
        return status, json.loads(capfd.readouterr().out)

    return runner


def told(capfd: pytest.CaptureFixture[str]) -> str:
    return " ".join(capfd.readouterr().err.split())


def failing(at: str, error: Exception) -> Callable[[str, bytes], None]:
    def hook(what: str, path: bytes) -> None:
        if what == at:
            raise error

    return hook


class TestAdding:
    def test_a_bucket_gets_an_identity_a_table_and_nothing_else(
        self, archive: Path, bucket: ColdBucket, run: Json, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (archive / "s").write_text("ID\nKEY\n")
        assert main(["replica", "add", "cloud", BUCKET, "--site", "abroad", "--secret", "file:s"]) == 0
        assert "versions kept, locked: 90 days, governance" in told(capfd)
        assert list(bucket.files) == [IDENTITY_FILE], "the trial was taken away"
        found = config.load(archive / "preserve.toml").replicas["cloud"]
        assert (found.url, found.site) == (BUCKET, "abroad")
        assert found.secret == config.SecretSource("file", str(archive / "s"))
        status, listed = run("replica", "list")
        (line,) = listed["replicas"]
        assert (status, line["kind"], line["where"], line["available"]) == (0, "s3", BUCKET, True)
        assert line["protection"] == {"versioning": "on", "lock": "90 days, governance", "why_unknown": None}
        assert "KEY" not in json.dumps(listed)

    @pytest.mark.parametrize(
        ("said", "says"),
        [
            (Protection(versioning=Versioning.OFF), "no older versions"),
            (Protection(versioning=Versioning.SUSPENDED, lock="x"), "no older versions"),
            (Protection(versioning=Versioning.ON), "no object lock"),
            (Protection(versioning=Versioning.UNKNOWN, why_unknown="AccessDenied"), "could not be found out"),
        ],
    )
    def test_what_is_not_protected_is_told_plainly(
        self, archive: Path, bucket: ColdBucket, said: Protection, says: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        bucket.said = said
        assert main(["replica", "add", "cloud", BUCKET]) == 0
        assert says in told(capfd)

    def test_a_server_says_nothing_of_versions(self, archive: Path, server: MemoryDisk, run: Json) -> None:
        assert main(["replica", "add", "partner", SERVER]) == 0
        assert list(server.files) == [IDENTITY_FILE]
        (line,) = run("replica", "list")[1]["replicas"]
        assert (line["kind"], line["protection"]) == ("sftp", None)

    @pytest.mark.parametrize(
        ("at", "right"), [("names_in", "s3:ListBucket"), ("create", "s3:PutObject"), ("open", "s3:GetObject"),
                          ("remove", "s3:DeleteObject")]
    )  # fmt: skip
    def test_a_right_that_is_missing_is_named(
        self, archive: Path, bucket: ColdBucket, at: str, right: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        for kind in (StoreError, UnavailableError):
            bucket.hook = failing(at, kind("denied", cause="AccessDenied"))
            assert main(["replica", "add", "cloud", BUCKET]) == 2
            said = told(capfd)
            assert "AccessDenied" in said and right in said
        assert IDENTITY_FILE not in bucket.files
        assert "cloud" not in config.load(archive / "preserve.toml").replicas

    def test_a_place_that_does_not_answer_is_not_added(
        self, archive: Path, bucket: ColdBucket, capfd: pytest.CaptureFixture[str]
    ) -> None:
        bucket.hook = failing("stat", UnavailableError("x", cause="the bucket is not there"))
        assert main(["replica", "add", "cloud", BUCKET]) == 2
        assert ": the bucket is not there Look at the address" in told(capfd)
        assert not bucket.files

    def test_a_server_that_writes_over_files_is_refused(
        self, archive: Path, bucket: ColdBucket, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(bucket, "_refuse_taken", lambda path, over: None)
        assert main(["replica", "add", "cloud", BUCKET]) == 2
        assert "conditional writes" in told(capfd)
        assert not bucket.files, "nothing is left there"

    @pytest.mark.parametrize(
        ("url", "why"), [(BUCKET, "does not keep to If-None-Match"), (SERVER, "renames over what is there")]
    )
    def test_a_server_that_only_our_own_look_keeps_from_overwriting_is_for_one_machine_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], url: str, why: str,
    ) -> None:  # fmt: skip
        monkeypatch.chdir(tmp_path)
        assert main(["init"]) == 0
        for name, refuses in (("good", True), ("bad", False)):
            store = (Tried if url == BUCKET else TriedDisk)(refuses=refuses)
            monkeypatch.setattr("preserve.app.replicas.open_replica", lambda _, store=store: RemoteReplica(store))
            monkeypatch.setattr("preserve.app.workspace.open_replica", lambda _, store=store: RemoteReplica(store))
            assert main(["replica", "add", name, f"{url}/{name}"]) == 0
            said = told(capfd)
            assert (why in said and "let no second one write there" in said) is not refuses
            assert list(store.files) == [IDENTITY_FILE], "nothing of the trial is left"

    def test_a_place_that_gives_back_other_bytes_is_refused(
        self, archive: Path, bucket: ColdBucket, capfd: pytest.CaptureFixture[str]
    ) -> None:
        def rot(what: str, path: bytes) -> None:
            if what == "open":
                bucket.flip(path)

        bucket.hook = rot
        assert main(["replica", "add", "cloud", BUCKET]) == 2
        assert "other bytes than were written" in told(capfd)
        assert not bucket.files

    def test_a_bag_is_no_place_for_copies(
        self, archive: Path, server: MemoryDisk, capfd: pytest.CaptureFixture[str]
    ) -> None:
        server.lay(b"bagit.txt", b"BagIt-Version: 1.0\n")
        assert main(["replica", "add", "partner", SERVER]) == 2
        assert "is a bag" in told(capfd) and list(server.files) == [b"bagit.txt"]

    def test_one_place_is_one_replica(self, archive: Path, run: Json, capfd: pytest.CaptureFixture[str]) -> None:
        assert main(["replica", "add", "cloud", BUCKET]) == 0
        for url in (BUCKET, BUCKET + "/below", "s3://bucket"):
            assert main(["replica", "add", "again", url]) == 2
            assert "lies in the replica cloud" in told(capfd)
        assert main(["replica", "add", "again", "s3://other/x"]) == 2, "the same store, by another name"
        assert "is the replica cloud already" in told(capfd)

    def test_what_was_killed_before_the_settings_is_gone_on_with(
        self, archive: Path, bucket: ColdBucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def cut(path: bytes, content: bytes) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(replicas, "write_durably", cut)
            assert main(["replica", "add", "cloud", BUCKET]) == 130
        identity = bucket.files[IDENTITY_FILE]
        assert main(["replica", "add", "cloud", BUCKET]) == 0
        assert bucket.files[IDENTITY_FILE] == identity
        with Workspace(config.load(archive / "preserve.toml")) as workspace:
            assert [str(row.uuid) in identity.decode() for row in workspace.replicas()] == [True]

    def test_an_identity_that_is_there_is_never_written_over(
        self, archive: Path, bucket: ColdBucket, capfd: pytest.CaptureFixture[str]
    ) -> None:
        bucket.lay(IDENTITY_FILE, b"{not ours")
        assert main(["replica", "add", "cloud", BUCKET]) == 2
        assert bucket.files == {IDENTITY_FILE: b"{not ours"}

    def test_removing_one_touches_nothing_there(self, archive: Path, bucket: ColdBucket) -> None:
        assert main(["replica", "add", "cloud", BUCKET]) == 0
        before = bucket.files
        bucket.there = False
        assert main(["replica", "remove", "cloud"]) == 0
        assert bucket.files == before and not config.load(archive / "preserve.toml").replicas

    @pytest.mark.parametrize(
        "place", ["u:TOPSECRET@host:/x", "sftp:/u:TOPSECRET@h/x", "//u:TOPSECRET@h/x", "s3:/AK:TOPSECRET@b"]
    )
    def test_a_password_in_what_is_no_address_is_not_repeated(
        self, archive: Path, place: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["replica", "add", "far", place]) == 2
        said = told(capfd)
        assert "TOPSECRET" not in said and "sftp://user@host/path" in said

    def test_the_last_copies_are_given_up_only_when_that_is_said(
        self, archive: Path, bucket: ColdBucket, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (archive / "letters").mkdir()
        (archive / "letters" / "page.txt").write_text("1975")
        make_bag(archive / "letters", archive / "bags" / "letters")
        (archive / "nas").mkdir()
        assert main(["replica", "add", "cloud", BUCKET]) == 0
        assert main(["add", "bags/letters"]) == 0 and main(["replicate"]) == 0
        capfd.readouterr()
        assert main(["replica", "remove", "cloud"]) == 2
        assert "letters has its only copy on cloud" in told(capfd)
        assert "cloud" in config.load(archive / "preserve.toml").replicas
        assert main(["replica", "add", "nas", "nas"]) == 0 and main(["replicate"]) == 0
        assert main(["replica", "remove", "cloud"]) == 0
        assert main(["replica", "remove", "nas", "--last-copies"]) == 0

    @pytest.mark.parametrize(("package", "url", "extra"), [("boto3", BUCKET, "s3"), ("asyncssh", SERVER, "sftp")])
    def test_what_is_not_installed_is_told_with_the_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
        package: str, url: str, extra: str,
    ) -> None:  # fmt: skip
        monkeypatch.setattr(opening, "find_spec", lambda name: None if name == package else object())
        monkeypatch.chdir(tmp_path)
        assert main(["init"]) == 0
        assert main(["replica", "add", "far", url]) == 2
        assert f"pip install 'preserve-toolkit[{extra}]'" in told(capfd)


def test_one_that_is_away_is_asked_nothing_more(archive: Path, bucket: ColdBucket, run: Json) -> None:
    assert main(["replica", "add", "cloud", BUCKET]) == 0
    bucket.there = False
    status, listed = run("replica", "list")
    assert (status, listed["replicas"][0]["available"], listed["replicas"][0]["protection"]) == (0, False, None)


def test_one_whose_provider_does_not_say_is_listed_as_not_known(archive: Path, bucket: ColdBucket, run: Json) -> None:
    assert main(["replica", "add", "cloud", BUCKET]) == 0
    bucket.hook = failing("protection", StoreError("x", cause="AccessDenied"))
    status, listed = run("replica", "list")
    assert (status, listed["replicas"][0]["protection"]["versioning"]) == (0, "unknown")
    assert listed["replicas"][0]["protection"]["why_unknown"] == "AccessDenied"


def test_stores_elsewhere_are_opened_once_and_closed_with_the_workspace(
    archive: Path, bucket: ColdBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["replica", "add", "cloud", BUCKET]) == 0
    closed: list[bool] = []
    monkeypatch.setattr(bucket, "close", lambda: closed.append(True))
    with Workspace(config.load(archive / "preserve.toml")) as workspace:
        (one,), (other,) = workspace.stores().values(), workspace.stores().values()
        assert one is other and not closed
    assert closed == [True]


class TestThawing:
    @pytest.fixture
    def placed(self, archive: Path, bucket: ColdBucket) -> list[bytes]:
        """Two packages in a bucket; the paths of the first one's files there."""
        for name in ("letters", "maps"):
            source = archive / "sources" / name
            source.mkdir(parents=True)
            for number in range(5):
                (source / f"{number}.txt").write_text(f"{name} {number}")
            make_bag(source, archive / "bags" / name)
        assert main(["replica", "add", "cloud", BUCKET]) == 0
        assert main(["add", "bags/letters", "bags/maps"]) == 0
        assert main(["replicate"]) == 0
        return sorted(path for path in bucket.files if path.startswith(b"letters/"))

    def test_every_file_is_asked_for_and_will_be_read(
        self, placed: list[bytes], bucket: ColdBucket, run: Json, archive: Path
    ) -> None:
        bucket.cold = set(placed[:4])
        status, said = run("replica", "thaw", "cloud", "letters", "--days", "3")
        counts = said["counts"]
        assert (status, said["outcome"], counts["asked"], counts["readable"]) == (0, "pass", 4, len(placed) - 4)
        assert sorted(bucket.asked) == [(path, 3) for path in placed]
        assert counts["shards"] == 1
        counts = run("replica", "thaw", "cloud")[1]["counts"]
        assert (counts["asked"], counts["under_way"], counts["copies"]) == (0, 4, 2)
        with Workspace(config.load(archive / "preserve.toml")) as workspace:
            links = [json.loads(link.body) for link in workspace.catalog.journal() if link.kind == "thaw-asked"]
            assert [(link["asked"], link["under_way"], link["days"]) for link in links] == [(4, 0, 3), (0, 4, 14)]
            asked = workspace.catalog.asked_on(workspace.clock())
            assert len(asked) == 1, "the audit follows"

    def test_a_package_without_a_copy_there_is_named_and_nothing_asked(
        self, placed: list[bytes], bucket: ColdBucket, archive: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        make_bag(archive / "sources" / "maps", archive / "bags" / "plans")
        assert main(["add", "bags/plans", "--id", "plans"]) == 0
        assert main(["replica", "thaw", "cloud", "letters", "plans"]) == 2
        assert "no copy of plans on cloud; nothing was asked" in told(capfd)
        assert bucket.asked == []

    def test_where_all_can_be_read_nothing_is_to_be_read_anew(self, placed: list[bytes], run: Json) -> None:
        status, said = run("replica", "thaw", "cloud")
        assert (status, said["counts"]["asked"], said["counts"]["shards"]) == (0, 0, 0)

    def test_what_could_not_be_asked_for_is_told(self, placed: list[bytes], bucket: ColdBucket, run: Json) -> None:
        bucket.remove(placed[0])
        bucket.hook = lambda what, path: (_ for _ in ()).throw(StoreError("denied")) if path == placed[1] else None
        status, said = run("replica", "thaw", "cloud", "letters")
        assert (status, said["outcome"]) == (3, "inconclusive")
        assert (said["counts"]["missing"], said["counts"]["failed"], said["problems"]) == (1, 1, ["denied"])

    def test_a_bucket_that_goes_away_keeps_what_was_asked(
        self, placed: list[bytes], bucket: ColdBucket, archive: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        bucket.cold = set(placed)

        def cut(what: str, path: bytes) -> None:
            if what == "thaw" and len(bucket.asked) == 2:
                raise UnavailableError("gone", cause="connection refused")

        bucket.hook = cut
        assert main(["replica", "thaw", "cloud"]) == 3
        assert "connection refused" in told(capfd)
        with Workspace(config.load(archive / "preserve.toml")) as workspace:
            (link,) = [json.loads(link.body) for link in workspace.catalog.journal() if link.kind == "thaw-asked"]
            assert link["asked"] == 2 and workspace.catalog.asked_on(workspace.clock())

    def test_what_an_audit_could_not_read_is_thawed_and_read_by_the_next(
        self, placed: list[bytes], bucket: ColdBucket, run: Json, archive: Path
    ) -> None:
        bucket.cold = set(placed[1:4])
        status, audit = run("audit")
        assert (status, audit["outcome"]) == (3, "inconclusive")
        status, said = run("replica", "thaw", "cloud", "--found")
        assert (status, said["counts"]["asked"]) == (0, 3)
        assert sorted(path for path, _ in bucket.asked) == placed[1:4], "nothing else is asked, or paid for"
        bucket.cold.clear()
        with Workspace(config.load(archive / "preserve.toml")) as workspace:
            assert workspace.catalog.asked_on(workspace.clock() + timedelta(days=1))
        status, audit = run("audit", "letters")
        assert (status, audit["outcome"]) == (0, "pass")
        assert run("status")[0] == 0

    def test_only_what_an_audit_found_is_asked_for(self, placed: list[bytes], bucket: ColdBucket, run: Json) -> None:
        status, said = run("replica", "thaw", "cloud", "--found")
        assert (status, bucket.asked, said["counts"]["asked"]) == (0, [], 0)

    def test_where_nothing_lies_cold_it_is_a_mistake(self, archive: Path, capfd: pytest.CaptureFixture[str]) -> None:
        (archive / "nas").mkdir()
        assert main(["replica", "add", "nas", "nas"]) == 0
        assert main(["replica", "add", "partner", SERVER]) == 0
        for name in ("nas", "partner"):
            assert main(["replica", "thaw", name]) == 2
            assert f"what lies on {name} needs no thawing" in told(capfd)
        assert main(["replica", "thaw", "nowhere"]) == 2
        assert "no replica is called nowhere" in told(capfd)

    def test_one_that_is_away_is_not_asked(self, placed: list[bytes], bucket: ColdBucket, run: Json) -> None:
        bucket.there = False
        assert run("replica", "thaw", "cloud")[0] == 3 and bucket.asked == []

    def test_an_archive_checks_out_after_it(self, placed: list[bytes], bucket: ColdBucket) -> None:
        bucket.cold = set(placed)
        assert main(["replica", "thaw", "cloud"]) == 0
        assert main(["catalog", "check", "--no-bags"]) == 0
