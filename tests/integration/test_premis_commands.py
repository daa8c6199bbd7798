"""`preserve premis export` and `validate` on a workspace with damage, audits, and a replica that is away."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from premis.model import Event, Object
from premis.reader import read_document
from preserve.cli.main import main
from preserve.provenance.names import from_location
from tests.support.workspaces import PlacedWorkspace, make_workspace


@pytest.fixture
def damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlacedWorkspace:
    """Audited whole, with damage, with a replica away, and one path of it for itself."""
    placed = make_workspace(tmp_path, packages=2, files=14)
    monkeypatch.chdir(tmp_path)
    assert placed.audit() == {}
    victims = [path for path in placed.files["box-0"] if path.startswith(b"data/")]
    for path in victims[:2]:
        (placed.copy("disk", "box-0") / os.fsdecode(path)).unlink()
    target = placed.copy("abroad", "box-0") / os.fsdecode(victims[2])
    target.write_bytes(target.read_bytes() + b"more")
    (placed.copy("disk", "box-0") / "data" / os.fsdecode(b"stray\xff")).write_bytes(b"x")
    assert main(["audit"]) == 1
    (tmp_path / "nas").rename(tmp_path / "away")
    assert main(["audit", "--path", os.fsdecode(victims[3])]) == 3
    assert main(["audit", "box-0"]) == 1
    (tmp_path / "away").rename(tmp_path / "nas")
    return placed


def export(tmp_path: Path, *options: str) -> tuple[dict[str, bytes], list[Event]]:
    """Files by their identifiers, and the events."""
    target = tmp_path / f"{len(list(tmp_path.glob('*.xml')))}.xml"
    assert main(["premis", "export", "box-0", "--output", str(target), *options]) == 0
    with target.open("rb") as stream:
        found = list(read_document(stream))
    files = {}
    for one in found:
        if isinstance(one, Object) and one.storages:
            (storage,) = one.storages
            assert storage.location is not None
            files[one.identifiers[0].value] = from_location(storage.location.value)
    return files, [one for one in found if isinstance(one, Event)]


def outcome(event: Event) -> str:
    (only,) = event.outcomes
    assert only.outcome is not None
    return only.outcome.label


def test_every_damage_is_an_event_of_the_right_file_and_nothing_unknown_is_a_success(
    damaged: PlacedWorkspace, tmp_path: Path
) -> None:
    with damaged.open() as workspace:
        package = workspace.catalog.packages(["box-0"])[0]
        bodies = [json.loads(row.body) for row in workspace.catalog.journal_of(package.id)]
    checks = [body for body in bodies if body["kind"] == "check"]
    wanted = Counter(
        found["path"]
        for body in checks
        for found in body.get("findings", ())
        if found["code"] in ("missing", "size-mismatch", "digest-mismatch", "moved")
    )
    assert len(wanted) == 3
    for detail in ("summary", "all"):
        files, events = export(tmp_path, "--events", detail)
        assert set(files.values()) == set(damaged.files["box-0"])
        linked = Counter(
            os.fsdecode(files[link.identifier.value])
            for event in events
            if event.type.label == "fixity check" and outcome(event) == "fail"
            for link in event.objects
            if link.identifier.value in files
        )
        assert linked == wanted
        for event in events:
            notes = "".join(event.outcomes[0].notes)
            assert "link " in notes
            if "replica-unavailable" in event.details[0] or "nothing was reached" in event.details[0]:
                assert outcome(event) == "warning" and "could not be determined" in notes
        assert any(outcome(event) == "warning" for event in events)
        assert any("stray\\xff" in event.details[0] for event in events)


def test_summaries_add_up_to_all_checks(damaged: PlacedWorkspace, tmp_path: Path) -> None:
    _, summary = export(tmp_path)
    _, every = export(tmp_path, "--events", "all")
    single = [event for event in every if "compared with the inventory" in event.details[0]]
    summed: Counter[str] = Counter()
    for event in summary:
        first = event.outcomes[0].notes[0]
        if first.startswith("checks of shards: "):
            numbers = [int(part.rpartition(": ")[2]) for part in first.replace(";", ",").split(",")]
            summed.update(dict(zip(("all", "success", "fail", "warning"), numbers, strict=False)))
    assert summed.pop("all") == len(single)
    assert +summed == Counter(map(outcome, single))
    identifiers = [event.identifier for event in every]
    assert len(set(identifiers)) == len(identifiers)


def test_an_export_is_valid_by_the_official_schema_and_by_our_own_rules(
    damaged: PlacedWorkspace, tmp_path: Path, premis_schema: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    for detail in ("summary", "all"):
        capfdbinary.readouterr()
        assert main(["premis", "export", "box-0", "--events", detail]) == 0
        (tmp_path / "out.xml").write_bytes(capfdbinary.readouterr().out)
        assert main(["premis", "validate", "out.xml", "--schema", str(premis_schema), "--json"]) == 0
        document: dict[str, Any] = json.loads(capfdbinary.readouterr().out)
        assert (document["outcome"], document["file"], document["findings"]) == ("pass", "out.xml", [])


def test_what_cannot_be_exported_is_2_and_nothing_is_written_over(
    damaged: PlacedWorkspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["box-7"], ["box-0", "--version", "3"], ["box-0", "--output", "preserve.toml"]):
        before = (tmp_path / "preserve.toml").read_bytes()
        assert main(["premis", "export", *arguments]) == 2
        told = capfd.readouterr()
        assert told.err.count("\n") >= 2 and not told.out
        assert (tmp_path / "preserve.toml").read_bytes() == before
    assert not list(tmp_path.glob(".*.partial"))


def test_a_reader_that_goes_away_is_no_error(damaged: PlacedWorkspace, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "preserve", "premis", "export", "box-0", "--events", "all"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


BAD = b'<premis xmlns="http://www.loc.gov/premis/v3" version="3.0"><event/></premis>'


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(BAD, 1, "structure"), (b"no XML", 1, "no-document"), (b"<a/>", 1, "no-document"), (None, 2, "")],
)
def test_validate_names_what_is_wrong(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes | None, status: int, code: str
) -> None:
    path = tmp_path / "document.xml"
    if content is not None:
        path.write_bytes(content)
    assert main(["premis", "validate", str(path), "--json"]) == status
    document = json.loads(capfd.readouterr().out)
    if code:
        assert document["outcome"] == "fail" and code in {found["code"] for found in document["findings"]}
        assert "--schema" in document["notes"][0]


def test_a_schema_that_cannot_be_used_is_the_commands_fault(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d.xml").write_bytes(BAD)
    (tmp_path / "no.xsd").write_bytes(b"<a/>")
    for schema in ("no.xsd", "none.xsd"):
        assert main(["premis", "validate", str(tmp_path / "d.xml"), "--schema", str(tmp_path / schema)]) == 2
        assert "premis-v3-0.xsd" in capfd.readouterr().err
