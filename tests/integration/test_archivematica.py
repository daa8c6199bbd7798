"""`preserve archivematica`, with the real `fixity` command, against a Storage Service that may lie, hang or fail."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from preserve.cli.main import main
from tests.support import storage_service
from tests.support.bags import make_bag
from tests.support.storage_service import GOOD, KEY, USER, Aip, StorageServiceServer, pointer_file

Preserve = Callable[..., tuple[int, str, str]]


@dataclass
class Desk:
    """A folder with settings that name a Storage Service, and `preserve` run there."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def settings(self, url: str, *more: str) -> None:
        lines = [f'url = "{url}"', f'user = "{USER}"', 'secret = "file:key"', *more]
        (self.folder / "preserve.toml").write_text("\n".join(["[archivematica]", *lines]) + "\n")

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        self.capture.readouterr()
        words = ["--config", str(self.folder / "preserve.toml"), "archivematica", *map(str, arguments)]
        status = main(words)
        captured = self.capture.readouterr()
        assert KEY not in captured.out + captured.err
        return status, captured.out, captured.err

    def told(self, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Exit status and JSON document."""
        status, out, _ = self.run(*arguments, "--json")
        return status, json.loads(out)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    key = tmp_path / "key"
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    return Desk(tmp_path, capsys)


@pytest.fixture
def aip() -> Aip:
    return Aip()


@pytest.fixture
def service(desk: Desk, aip: Aip) -> Iterator[StorageServiceServer]:
    with StorageServiceServer(aip) as server:
        desk.settings(server.url)
        yield server


def command() -> Path:
    return Path(sys.executable).with_name("fixity")


def code_of_the_command() -> Path:
    spec = find_spec("fixity")  # found, and not imported
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def script(desk: Desk, text: str) -> None:
    """A command of that shell text stands where `fixity` would."""
    path = desk.folder / "fixity"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    settings = desk.folder / "preserve.toml"
    settings.write_text(settings.read_text() + 'command = "fixity"\n')


def bag_in_tar(folder: Path) -> bytes:
    (folder / "letters").mkdir()
    (folder / "letters/one.txt").write_bytes(b"one of the letters\n")
    make_bag(folder / "letters", folder / "aip")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(folder / "aip", "aip")
    return packed.getvalue()


def errors(document: dict[str, Any]) -> set[str]:
    """The codes of the findings that are errors."""
    return {each["code"] for each in document["findings"] if each["severity"] == "error"}


# The list


@pytest.mark.parametrize("columns", [80, 120])
def test_all_pages_of_the_list_are_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    aips = [Aip(archive=b"x" * (1000 + number)) for number in range(5)]
    with StorageServiceServer(*aips, page=2) as server:
        desk.settings(server.url)
        status, document = desk.told("list")
        assert (status, document["outcome"], document["counts"]["aips"]) == (0, "pass", 5)
        assert [each["uuid"] for each in document["aips"]] == [str(each.uuid) for each in aips]
        assert document["aips"][1]["size_bytes"] == 1001
        status, out, err = desk.run("list")
    assert status == 0 and all(str(each.uuid) in out for each in aips) and "UPLOADED" in out
    assert not err


def test_the_list_is_not_followed_to_another_host(desk: Desk, service: StorageServiceServer) -> None:
    with StorageServiceServer() as other:
        service.next = lambda start: f"{other.url}/api/v2/file/?offset=2"
        status, document = desk.told("list")
        assert (status, document["outcome"]) == (3, "inconclusive") and "another address" in document["problem"]
        assert other.asked == []


@pytest.mark.parametrize("link", ["/api/v2/file/?offset=0&again=1", "?offset=2"])
def test_a_list_that_runs_in_circles_ends(desk: Desk, service: StorageServiceServer, link: str) -> None:
    service.next = lambda start: link
    status, document = desk.told("list")
    assert status == 3 and "no end" in document["problem"] and document["counts"]["aips"] == 1


def test_a_list_that_holds_less_than_it_says_is_not_all(desk: Desk, service: StorageServiceServer) -> None:
    service.total = 7
    status, document = desk.told("check", "--all", "--by", "service")
    assert status == 3 and document["counts"]["good"] == 1 and "listed only 1" in document["problem"]


# The command, and what is not believed of it


def test_a_good_aip_is_good_only_as_a_claim(desk: Desk, service: StorageServiceServer, aip: Aip) -> None:
    status, document = desk.told("check", aip.uuid)
    assert (status, document["outcome"]) == (0, "pass")
    assert document["aips"][0]["evidence"] == "claimed" and document["counts"]["good_by_claim_only"] == 1
    status, out, _ = desk.run("check", aip.uuid)
    assert status == 0 and "[claimed]" in out and "weaker than reading" in out and "no byte was read here" in out


def run_alone(server: StorageServiceServer, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """The real command, without preserve; its code is found through links, so that its database stays in `folder`."""
    links = folder / "code" / "fixity"
    links.mkdir(parents=True)
    for each in code_of_the_command().glob("*.py"):
        (links / each.name).symlink_to(each)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(links.parent),
        "STORAGE_SERVICE_URL": server.url,
        "STORAGE_SERVICE_USER": USER,
        "STORAGE_SERVICE_KEY": KEY,
    }
    return subprocess.run(
        [command(), *words], env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_command_ends_well_where_the_service_failed_and_is_not_believed(
    desk: Desk, service: StorageServiceServer, aip: Aip
) -> None:
    aip.status, aip.says = 500, b""
    alone = run_alone(service, desk.folder / "one", "scan", str(aip.uuid))
    assert alone.returncode == 0, alone.stderr
    status, document = desk.told("check", aip.uuid)
    assert (status, document["outcome"], document["aips"][0]["evidence"]) == (3, "inconclusive", None)
    assert "HTTP 500" in document["aips"][0]["message"] and "status 0" in document["aips"][0]["notes"][-1]


def test_the_command_calls_a_scan_successful_in_which_nothing_was_checked(
    desk: Desk, service: StorageServiceServer, aip: Aip
) -> None:
    aip.status, aip.says = 500, b""
    alone = run_alone(service, desk.folder / "all", "scanall")
    assert "Successfully scanned 1 AIPs" in alone.stdout + alone.stderr
    status, document = desk.told("check", "--all")
    assert (status, document["counts"]["good"], document["counts"]["not_determined"]) == (3, 0, 1)


EMPTY: dict[str, object] = {"missing": [], "changed": [], "untracked": []}


@pytest.mark.parametrize("how", ["fixity", "service"])
@pytest.mark.parametrize(
    ("status", "says", "words"),
    [
        (200, GOOD | {"success": None, "message": "disk is away"}, "disk is away"),
        (200, GOOD | {"success": "true"}, "does not say whether"),
        (200, GOOD | {"success": 1}, "does not say whether"),
        (200, {"message": ""}, "does not say whether"),
        (200, b'{"success": false, "success": true}', "no JSON"),
        (200, b"<html>fine</html>", "no JSON"),
        (200, b"[" * 100_000, "no JSON"),
        (200, [], "not what was expected"),
        (200, GOOD | {"failures": {"files": {"missing": "none"}}}, "no list"),
        (200, GOOD | {"failures": {"files": {"missing": [{"path": 7}]}}}, "no path"),
        (200, GOOD | {"failures": {"files": EMPTY | {"corrupt": ["a"]}}}, "not known here: corrupt"),
        (200, GOOD | {"failures": {"files": EMPTY, "bag": ["torn"]}}, "not known here: bag"),
        (200, GOOD | {"failures": {"files": {"missing": [], "changed": []}}}, "files.untracked"),
        (200, GOOD | {"failures": {}}, "not what was expected"),
        (200, GOOD | {"failures": None}, "not what was expected"),
        (200, GOOD | {"failures": [{"x": 1}]}, "not what was expected"),
        (200, {"success": True, "message": "", "timestamp": None}, "not what was expected"),
        (200, GOOD | {"message": "Fixity check failed: bag is corrupt"}, "contradicts itself"),
        (200, GOOD | {"message": ["failed"]}, "is no text"),
        (200, GOOD | {"timestamp": 10**30}, "is no text"),
        (200, b"", "no JSON"),
        (201, GOOD, "HTTP 201"),
        (401, b"", "refused the user or the key"),
        (404, b"", "does not know"),
        (502, GOOD, "HTTP 502"),
        (504, b"", "HTTP 504"),
    ],
)
def test_an_answer_that_tells_nothing_is_not_determined(
    desk: Desk, service: StorageServiceServer, aip: Aip, how: str, status: int, says: object, words: str
) -> None:
    aip.status, aip.says = status, says
    ended, document = desk.told("check", aip.uuid, "--by", how)
    assert (ended, document["outcome"], document["aips"][0]["evidence"]) == (3, "inconclusive", None)
    assert words in document["aips"][0]["message"]


@pytest.mark.parametrize("how", ["fixity", "service"])
@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (storage_service.silence, "within 1 seconds"),
        (storage_service.drip, "within 1 seconds"),
        (storage_service.cut, "cut off"),
        (storage_service.flood, "larger than"),
    ],
)
def test_a_service_that_does_not_come_to_an_end_is_left(
    desk: Desk, service: StorageServiceServer, aip: Aip, how: str, odd: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if odd is storage_service.flood:
        monkeypatch.setattr(
            "preserve.archivematica.asking.Asker.ask.__kwdefaults__", {"seconds": 60, "most_bytes": 9999}
        )
    else:
        desk.settings(service.url, 'timeout = "1s"')
    aip.odd = odd
    status, document = desk.told("check", aip.uuid, "--by", how)
    assert status == 3 and words in document["aips"][0]["message"]


def test_a_redirection_to_another_host_is_refused_and_the_key_stays(
    desk: Desk, service: StorageServiceServer, aip: Aip
) -> None:
    with StorageServiceServer(aip) as other:
        aip.odd = storage_service.leading_to(f"{other.url}/api/v2/file/{aip.uuid}/check_fixity/")
        for how in ("fixity", "service"):
            status, document = desk.told("check", aip.uuid, "--by", how)
            assert status == 3 and "another address" in document["aips"][0]["message"]
        assert other.asked == []


def test_damaged_missing_and_untracked_files_are_named(desk: Desk, service: StorageServiceServer, aip: Aip) -> None:
    aip.says = {
        "success": False,
        "message": "invalid bag",
        "failures": {
            "files": {
                "changed": [
                    {"path": "data/ក.txt", "hash_type": "sha256", "expected": "aa", "actual": "bb", "message": "x"}
                ],
                "missing": [{"path": "data/gone.txt", "message": "is gone"}],
                "untracked": ["data/new\x1b.txt"],
            }
        },
        "timestamp": None,
    }
    for how in ("fixity", "service"):
        status, document = desk.told("check", aip.uuid, "--by", how)
        assert (status, document["outcome"], document["aips"][0]["evidence"]) == (1, "fail", "claimed")
        found = {each["code"]: each for each in document["findings"]}
        assert found["digest-mismatch"]["path"] == "data/ក.txt"
        assert found["digest-mismatch"]["expected"] == {"sha256": "aa"}
        assert found["missing"]["path"] == "data/gone.txt"
        assert set(found) == {"digest-mismatch", "missing", "untracked"}
    status, out, _ = desk.run("check", aip.uuid)
    assert status == 1 and "data/gone.txt" in out and "\x1b" not in out


def test_a_service_that_says_good_and_names_damaged_files_is_not_good(
    desk: Desk, service: StorageServiceServer, aip: Aip
) -> None:
    aip.says = GOOD | {"failures": {"files": {"missing": [{"path": "data/gone.txt"}]}}}
    status, document = desk.told("check", aip.uuid)
    assert (status, document["outcome"]) == (1, "fail") and "contradicts itself" in document["aips"][0]["notes"][-1]


def dated(**ago: float) -> dict[str, object]:
    return GOOD | {"timestamp": f"{datetime.now(UTC) - timedelta(**ago):%Y-%m-%dT%H:%M:%S}"}


@pytest.mark.parametrize("how", ["fixity", "service"])
def test_a_check_of_another_day_is_not_one_of_today(
    desk: Desk, service: StorageServiceServer, aip: Aip, how: str
) -> None:
    aip.says = dated(hours=23)
    status, document = desk.told("check", aip.uuid, "--by", how)
    assert status == 0 and "did not read the AIP now" in document["aips"][0]["notes"][0]
    for says, words in [
        (dated(hours=25), "older than a day"),
        (GOOD | {"timestamp": "1999-01-01T00:00:00"}, "older than a day"),
        (dated(hours=-15), "lies in the future"),
        (GOOD | {"timestamp": "9999-12-31T23:59:59"}, "lies in the future"),
        (GOOD | {"timestamp": "last week"}, "no date"),
    ]:
        aip.says = says
        status, document = desk.told("check", aip.uuid, "--by", how)
        assert (status, document["outcome"]) == (3, "inconclusive") and words in document["aips"][0]["message"]


def test_the_service_can_be_told_to_read_its_own_bytes(desk: Desk, service: StorageServiceServer, aip: Aip) -> None:
    assert desk.told("check", aip.uuid, "--force-local")[0] == 0
    assert service.asked[-1].endswith("check_fixity/?force_local=True")


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ('echo "Fixity scan succeeded for AIP: $2"', "checked nothing"),
        ("exit 3", "checked nothing"),
        ("kill -9 $$", "checked nothing"),
        (f"{sys.executable} -c \"print('x' * (1 << 22))\"", "checked nothing"),
    ],
)
def test_a_command_that_asked_nothing_proves_nothing(
    desk: Desk, service: StorageServiceServer, aip: Aip, says: str, words: str
) -> None:
    script(desk, says)
    status, document = desk.told("check", aip.uuid)
    assert status == 3 and "check nothing" in document["aips"][0]["message"], words


ASKS = (
    "curl=$(cat <<END\nimport os, urllib.request as r\ne = os.environ\n"
    'u = e["STORAGE_SERVICE_URL"] + "/api/v2/file/" + "%s/check_fixity/?username="\n'
    'r.urlopen(u + e["STORAGE_SERVICE_USER"] + "&api_key=" + e["STORAGE_SERVICE_KEY"]).read()\nEND\n)\n'
)


def test_a_command_that_differs_from_a_good_answer_is_not_determined(
    desk: Desk, service: StorageServiceServer, aip: Aip
) -> None:
    script(desk, f'{ASKS % aip.uuid}{sys.executable} -c "$curl"; echo "Fixity scan failed for AIP: $2"; exit 1')
    status, document = desk.told("check", aip.uuid)
    assert (status, document["findings"][0]["code"]) == (3, "command-contradicts-service")


def test_a_command_that_calls_a_damaged_aip_good_does_not_make_it_so(
    desk: Desk, service: StorageServiceServer, aip: Aip
) -> None:
    aip.says = GOOD | {"success": False, "message": "Missing manifest file"}
    script(desk, f'{ASKS % aip.uuid}{sys.executable} -c "$curl"; echo "Fixity scan succeeded for AIP: $2"')
    status, document = desk.told("check", aip.uuid)
    assert (status, document["findings"][0]["code"]) == (1, "service-says-invalid")


def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    desk: Desk, service: StorageServiceServer, aip: Aip, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.settings(service.url, 'timeout = "1s"')
    monkeypatch.setattr("preserve.archivematica.checking._AFTER_SECONDS", 0.0)
    script(desk, f"sleep 600 & echo $! >{desk.folder}/started; wait")
    status, document = desk.told("check", aip.uuid)
    assert status == 3 and "took longer than 1 seconds" in document["aips"][0]["notes"][-1]
    started = Path("/proc", (desk.folder / "started").read_text().strip(), "stat")
    assert not started.exists() or started.read_text().rpartition(") ")[2].startswith(("Z", "X"))


def test_the_command_gets_neither_the_key_nor_our_environment(
    desk: Desk, service: StorageServiceServer, aip: Aip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_OWN_SECRET", "ours")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    seen = desk.folder / "seen"
    script(desk, f'env >{seen}; echo "$@" >>{seen}')
    desk.run("check", aip.uuid)
    assert f"scan {aip.uuid}" in seen.read_text() and "STORAGE_SERVICE_URL=http://127.0.0.1:" in seen.read_text()
    assert KEY not in seen.read_text() and "ours" not in seen.read_text() and "127.0.0.1:9\n" not in seen.read_text()


def test_the_key_goes_into_no_address(desk: Desk, service: StorageServiceServer, aip: Aip) -> None:
    assert desk.run("check", aip.uuid)[0] == 0
    assert service.asked and not any(KEY in target for target in service.asked)
    assert set(service.keys) == {f"ApiKey {USER}:{KEY}"}


def test_the_command_leaves_nothing_beside_its_own_code(desk: Desk, service: StorageServiceServer, aip: Aip) -> None:
    before = sorted(path.name for path in code_of_the_command().iterdir())
    assert desk.run("check", aip.uuid)[0] == 0
    assert sorted(path.name for path in code_of_the_command().iterdir()) == before and "fixity.db" not in before


def test_a_command_that_is_not_there_is_an_error_with_the_way_out(
    desk: Desk, service: StorageServiceServer, aip: Aip
) -> None:
    desk.settings(service.url, 'command = "no/such/fixity"')
    status, _, err = desk.run("check", aip.uuid)
    assert status == 2 and "no command that can be run" in err


# Reading it here


def test_a_downloaded_aip_is_read_here(desk: Desk, service: StorageServiceServer, aip: Aip) -> None:
    aip.archive = bag_in_tar(desk.folder)
    status, document = desk.told("check", aip.uuid, "--by", "download")
    assert (status, document["outcome"], document["aips"][0]["evidence"]) == (0, "pass", "read")
    assert document["counts"]["good_by_claim_only"] == 0
    assert not any("check_fixity" in target for target in service.asked)


def test_damage_in_a_downloaded_aip_is_found_whatever_the_service_says(
    desk: Desk, service: StorageServiceServer, aip: Aip
) -> None:
    aip.archive = bag_in_tar(desk.folder).replace(b"one of the letters", b"One of the letters")
    assert desk.run("check", aip.uuid, "--by", "service")[0] == 0
    status, document = desk.told("check", aip.uuid, "--by", "download")
    assert (status, document["outcome"], document["aips"][0]["evidence"]) == (1, "fail", "read")
    damaged = [each for each in document["findings"] if each["code"] == "digest-mismatch"]
    assert damaged[0]["path"] == "data/one.txt" and damaged[0]["package"] == str(aip.uuid)


SEALED = b"7z\xbc\xaf\x27\x1c" + b"\0" * 4000


@pytest.mark.parametrize(
    ("digest", "status", "codes"),
    [
        (hashlib.sha256(SEALED).hexdigest(), 0, {"aip-not-opened"}),
        ("0" * 64, 1, {"aip-digest-mismatch", "aip-not-opened"}),
        ("nonsense", 3, {"aip-not-opened"}),
        (None, 3, {"aip-not-opened"}),
    ],
)
def test_a_7z_aip_is_compared_with_the_digest_that_is_stated(
    desk: Desk, service: StorageServiceServer, aip: Aip, digest: str | None, status: int, codes: set[str]
) -> None:
    aip.archive, aip.name = SEALED, "aip.7z"
    aip.pointer = pointer_file("sha256", digest) if digest else None
    ended, document = desk.told("check", aip.uuid, "--by", "download")
    assert ended == status and {each["code"] for each in document["findings"]} == codes
    assert (document["aips"][0]["evidence"] == "read") is (status != 3)


def test_an_aip_of_another_size_than_stated_is_damaged(desk: Desk, service: StorageServiceServer, aip: Aip) -> None:
    aip.archive = bag_in_tar(desk.folder)
    aip.size = len(aip.archive) + 1
    status, document = desk.told("check", aip.uuid, "--by", "download")
    assert status == 1 and errors(document) == {"aip-size-mismatch"}


@pytest.mark.parametrize("name", ["aip.tar", "aip"])  # as it lies there, and packed on its way
@pytest.mark.parametrize("share", [0.5, 1])
def test_an_aip_that_may_have_been_cut_off_on_its_way_is_not_damaged(
    desk: Desk, service: StorageServiceServer, aip: Aip, name: str, share: float
) -> None:
    aip.archive, aip.name, aip.size = bag_in_tar(desk.folder), name, None if name == "aip.tar" else 1
    aip.sent_bytes = int(len(aip.archive) * share)
    status, document = desk.told("check", aip.uuid, "--by", "download")
    if share == 1:
        assert (status, document["outcome"]) == (0, "pass")
    else:
        assert status == 3 and errors(document) == {"service-not-determined"}
        assert "may have been cut off" in document["aips"][0]["message"]


def test_damage_in_an_aip_of_the_size_that_is_stated_is_damage(
    desk: Desk, service: StorageServiceServer, aip: Aip
) -> None:
    """Although the answer did not say how long it is."""
    aip.archive = bag_in_tar(desk.folder).replace(b"one of the letters", b"One of the letters")
    aip.sent_bytes = len(aip.archive)
    assert desk.told("check", aip.uuid, "--by", "download")[0] == 1


def test_a_page_in_place_of_an_aip_is_not_judged(desk: Desk, service: StorageServiceServer, aip: Aip) -> None:
    aip.archive, aip.type = b"<html>please log in</html>", "text/html"
    status, document = desk.told("check", aip.uuid, "--by", "download")
    assert status == 3 and errors(document) == {"service-not-determined"}


def test_something_else_in_place_of_an_aip_is_damage(desk: Desk, service: StorageServiceServer, aip: Aip) -> None:
    aip.archive = b"nothing that is an archive"
    status, document = desk.told("check", aip.uuid, "--by", "download")
    assert status == 1 and errors(document) == {"archive-damaged"}


def test_an_aip_for_which_there_is_no_room_is_not_begun(
    desk: Desk, service: StorageServiceServer, aip: Aip, monkeypatch: pytest.MonkeyPatch
) -> None:
    aip.archive = bag_in_tar(desk.folder)
    monkeypatch.setattr("preserve.archivematica.downloading._LEFT_FREE_BYTES", 1 << 62)
    status, document = desk.told("check", aip.uuid, "--by", "download")
    assert status == 3 and "no room" in document["aips"][0]["message"]


# The rest


def test_an_aip_that_cannot_be_determined_does_not_hide_a_damaged_one(desk: Desk) -> None:
    aips = [Aip(), Aip(status=500), Aip(says=GOOD | {"success": False}), Aip(stored_as="DELETED")]
    with StorageServiceServer(*aips) as server:
        desk.settings(server.url)
        status, document = desk.told("check", "--all", "--by", "service")
    assert (status, document["outcome"]) == (1, "fail")
    assert [document["counts"][key] for key in ("aips", "good", "damaged", "not_determined")] == [3, 1, 1, 1]


def test_no_aips_at_all_are_not_good(desk: Desk) -> None:
    with StorageServiceServer() as server:
        desk.settings(server.url)
        assert desk.told("check", "--all", "--by", "service")[0] == 3


def test_what_was_checked_stands_in_the_journal_and_the_catalog_stays_good(
    desk: Desk, service: StorageServiceServer, aip: Aip
) -> None:
    settings = desk.folder / "preserve.toml"
    written = settings.read_text()
    settings.unlink()
    desk.capture.readouterr()
    assert main(["init", str(desk.folder)]) == 0
    settings.write_text(settings.read_text() + written)
    assert desk.run("check", aip.uuid, "--by", "service")[0] == 0
    content = (desk.folder / "catalog.sqlite").read_bytes()
    wal = desk.folder / "catalog.sqlite-wal"
    content += wal.read_bytes() if wal.exists() else b""
    assert b"archivematica-checked" in content and str(aip.uuid).encode() in content and KEY.encode() not in content
    assert main(["--config", str(settings), "catalog", "check"]) == 0


def test_a_wrong_key_is_told_without_it(desk: Desk, service: StorageServiceServer) -> None:
    key = desk.folder / "key"
    key.write_text("wrong-key-98765\n")
    status, out, err = desk.run("list")
    assert status == 3 and "refused the user or the key" in out + err and "wrong-key-98765" not in out + err
    key.chmod(0o644)
    status, out, err = desk.run("list")
    assert status == 2 and "others than its owner" in err


def test_a_service_that_is_not_there_is_not_determined(desk: Desk) -> None:
    with StorageServiceServer() as server:
        desk.settings(server.url)
    status, document = desk.told("check", uuid4(), "--by", "service")
    assert status == 3 and "could not be asked" in document["aips"][0]["message"]


def test_a_certificate_that_nobody_vouches_for_is_refused(desk: Desk, aip: Aip) -> None:
    pem = desk.folder / "service.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    made: list[str | Path] = ["openssl", *words.split(), "-keyout", desk.folder / "service.key", "-out", pem]
    subprocess.run(made, check=True, capture_output=True)
    with StorageServiceServer(aip, certificate=(pem, desk.folder / "service.key")) as server:
        desk.settings(server.url.replace("127.0.0.1", "localhost"))
        status, document = desk.told("check", aip.uuid)
        assert status == 3 and "not to be trusted" in document["aips"][0]["message"]
        assert server.asked == []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(pem))
            assert desk.run("check", aip.uuid)[0] == 0


def test_an_address_that_is_not_encrypted_is_warned_of(desk: Desk) -> None:
    desk.settings("http://storage.invalid:8000")
    status, _, err = desk.run("list")
    assert status == 3 and "not encrypted" in err


@pytest.mark.parametrize("words", [("check",), ("check", "not-a-uuid"), ("check", "--all", "--by", "guess")])
def test_what_cannot_be_meant_is_refused(desk: Desk, service: StorageServiceServer, words: tuple[str, ...]) -> None:
    assert desk.run(*words)[0] == 2 and service.asked == []


def test_without_a_section_the_way_to_one_is_told(desk: Desk) -> None:
    (desk.folder / "preserve.toml").write_text("")
    status, _, err = desk.run("list")
    assert status == 2 and "[archivematica]" in err
