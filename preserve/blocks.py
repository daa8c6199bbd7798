"""Lists of plain values in a nameless temporary file, block by block: what memory should not hold."""

import marshal
from typing import BinaryIO, cast

_LENGTH_BYTES = 8


def nameless() -> BinaryIO:
    """A file in the temporary folder (TMPDIR) that nobody else can open, gone when it is closed."""
    import tempfile  # few bags need it, and it is slow to come

    return cast(BinaryIO, tempfile.TemporaryFile(prefix="preserve-"))


def write_block(file: BinaryIO, values: list[object]) -> None:
    """Appends a block; values are what `marshal` takes. OSError if the temporary folder is full."""
    block = marshal.dumps(values)
    file.write(len(block).to_bytes(_LENGTH_BYTES))
    file.write(block)


def read_block(file: BinaryIO) -> list[object] | None:
    """The block at the file's position; None at the end. One read a block: `marshal.load` reads value by value."""
    length = file.read(_LENGTH_BYTES)
    if not length:
        return None
    found: list[object] = marshal.loads(file.read(int.from_bytes(length)))  # ours, seen by nobody else
    return found
