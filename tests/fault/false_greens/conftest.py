"""The stage on which each false green is tried."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.false_greens.stage import Stage, make_archive, staged
from tests.support.workspaces import PlacedWorkspace


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> PlacedWorkspace:
    return make_archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture
def stage(archive: PlacedWorkspace, tmp_path: Path) -> Iterator[Stage]:
    with staged(archive, tmp_path / "archive") as made:
        yield made
