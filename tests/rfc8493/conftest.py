"""A good bag of version 1.0, which tests then break."""

from pathlib import Path

import pytest

from tests.unit.preserve.bag.bags import Bag


@pytest.fixture
def bag(tmp_path: Path) -> Bag:
    """Two payload files, one manifest (sha256); nothing that is optional."""
    return Bag(tmp_path / "bag")
