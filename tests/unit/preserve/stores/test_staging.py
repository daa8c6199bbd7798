"""What is staged on a disk is taken away again, or it is said why not."""

from pathlib import Path

import pytest

from preserve.errors import UndeterminedError
from preserve.stores.staging import Staging


def test_a_staged_file_is_taken_away_and_what_is_not_there_is_none_to_take(tmp_path: Path) -> None:
    staging = Staging(bytes(tmp_path), b"staged")
    with staging.file(b"data/page") as sink:
        sink(memoryview(b"page"))
    staging.discard(b"data/page")
    staging.discard(b"data/page")
    staging.discard(b"nowhere/page")
    assert staging.size_of(b"data/page") is None


def test_what_cannot_be_taken_away_is_said_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "staged" / "data").mkdir(parents=True)
    with pytest.raises(UndeterminedError, match="staged/data"):
        Staging(bytes(tmp_path), b"staged").discard(b"data")
