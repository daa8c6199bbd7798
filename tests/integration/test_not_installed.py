"""One replica elsewhere, and what speaks to it is not installed: it is away, and all the others are worked with."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from preserve.cli.main import main
from preserve.stores import opening
from tests.support.workspaces import PlacedWorkspace, make_workspace

URLS = {"s3": "s3://archive/copies", "sftp": "sftp://archive@backup.example.org/srv"}


@pytest.fixture(params=URLS)
def extra(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(opening, "find_spec", lambda _: None)
    return str(request.param)


@pytest.fixture
def placed(tmp_path: Path, extra: str, monkeypatch: pytest.MonkeyPatch) -> PlacedWorkspace:
    made = make_workspace(tmp_path, packages=1, files=3)
    with (made.folder / "preserve.toml").open("a") as settings:
        settings.write(f'\n[replica.away]\nurl = "{URLS[extra]}"\n')
    with made.open() as workspace:
        workspace.catalog.add_replica(uuid4(), "away", workspace.clock())
    monkeypatch.chdir(made.folder)
    return made


def test_the_other_replicas_are_read_and_it_is_said_what_to_install(
    placed: PlacedWorkspace, extra: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "--replica", "nas"]) == 0
    capfd.readouterr()
    main(["replica", "list", "--json"])
    lines = {line["name"]: line for line in json.loads(capfd.readouterr().out)["replicas"]}
    assert f"pip install 'preserve-toolkit[{extra}]'" in str(lines["away"])
    assert "pip install" not in str(lines["nas"])
    assert main(["replicate", "--to", "away"]) == 3
    assert f"preserve-toolkit[{extra}]" in "".join(capfd.readouterr())


def test_only_adding_one_is_refused_outright(
    placed: PlacedWorkspace, extra: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = (placed.folder / "preserve.toml").read_bytes()
    assert (
        main(
            [
                "replica",
                "add",
                "another",
                URLS[extra].replace("org/srv", "org/elsewhere").replace("archive/copies", "other"),
            ]
        )
        == 2
    )
    assert f"pip install 'preserve-toolkit[{extra}]'" in capfd.readouterr().err
    assert (placed.folder / "preserve.toml").read_bytes() == before
