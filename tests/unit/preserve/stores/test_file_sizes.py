"""How large a file can be is asked of the system; nothing is written for it."""

import os
from pathlib import Path

from preserve.stores.file_sizes import most_bytes_of_a_file, too_large
from preserve.stores.identity import IDENTITY_FILE


def test_what_the_system_says_can_be_reached_and_no_byte_more(tmp_path: Path) -> None:
    identity = tmp_path / os.fsdecode(IDENTITY_FILE)
    identity.parent.mkdir()
    identity.write_text("{}")
    root = os.fsencode(tmp_path)
    most = most_bytes_of_a_file(root)
    assert most >= 1 << 40 and identity.read_text() == "{}"
    assert too_large(root, most) is None
    if most < (1 << 63) - 1:
        assert f"{most:,} bytes" in str(too_large(root, most + 1))
