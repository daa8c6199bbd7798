"""A catalog that holds something."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from preserve.catalog.catalog import Catalog
from tests.unit.preserve.catalog.builders import START, Held


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.create(tmp_path / "empty.sqlite", START) as made:
        yield made


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    """Package `a` on `disk` (copy 1) and `nas` (copy 2), both read through when they were recorded."""
    made = Held(tmp_path)
    yield made
    made.catalog.close()


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[Held]:
    """The same, with copies that were never read."""
    made = Held(tmp_path, read=False)
    yield made
    made.catalog.close()
