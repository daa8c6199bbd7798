"""One damage to a bag: to a file of its payload, or to a tag file that its tag manifests list."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.property.payload_trees import canonical_paths, files_of, on_disk, utf8_names

Draw = Callable[[st.SearchStrategy[Any]], Any]
Damage = Callable[[bytes, Draw], object]  # does it to the bag; says what it did, None if there is nothing to do it to


def _files(bag: bytes, *, least: int = 0) -> list[bytes]:
    """What can be damaged, as paths from the bag's root: files of so many bytes at least."""
    return sorted(
        path
        for path, content in files_of(on_disk(bag)).items()
        if len(content) >= least and not path.startswith(b"tagmanifest-")
    )


def _picked(bag: bytes, draw: Draw, *, least: int = 0) -> tuple[bytes, Path, bytes] | None:
    files = _files(bag, least=least)
    if not files:
        return None
    path = draw(st.sampled_from(files))
    full = Path(os.fsdecode(os.path.join(bag, path)))
    return path, full, full.read_bytes()


def flip(bag: bytes, draw: Draw) -> object:
    """One bit is another."""
    picked = _picked(bag, draw, least=1)
    if picked is None:
        return None
    path, full, content = picked
    place, bit = draw(st.integers(0, len(content) - 1)), draw(st.integers(0, 7))
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    full.write_bytes(changed)
    return path, place, bit


def truncate(bag: bytes, draw: Draw) -> object:
    """The end is gone, or all of it."""
    picked = _picked(bag, draw, least=1)
    if picked is None:
        return None
    path, full, content = picked
    length = draw(st.integers(0, len(content) - 1))
    full.write_bytes(content[:length])
    return path, length


def lengthen(bag: bytes, draw: Draw) -> object:
    """Something comes after the end."""
    picked = _picked(bag, draw)
    assert picked is not None
    path, full, content = picked
    more = draw(st.sampled_from([b"\0", b"\n", b" ", b"\r\n"]) | st.binary(min_size=1, max_size=9))
    full.write_bytes(content + more)
    return path, more


def delete(bag: bytes, draw: Draw) -> object:
    picked = _picked(bag, draw)
    assert picked is not None
    picked[1].unlink()
    return picked[0]


def add(bag: bytes, draw: Draw) -> object:
    """A file comes to the payload. Tag files that nobody lists are allowed (RFC 8493 §2.2.4)."""
    folder = os.path.join(bag, draw(st.sampled_from(_folders(bag))))
    name = draw(utf8_names.filter(lambda name: _may_stand(folder, name)))
    with open(os.path.join(folder, name), "xb") as file:
        file.write(draw(st.binary(max_size=3)))
    return name


def rename(bag: bytes, draw: Draw) -> object:
    """A file has another name, one that is another in every canonical form: the same is told, and is no damage."""
    picked = _picked(bag, draw)
    assert picked is not None
    path, full, _ = picked
    folder = os.path.dirname(os.fsencode(full))
    name = draw(utf8_names.filter(lambda name: _may_stand(folder, name)))
    old, new = canonical_paths([os.path.basename(path), name])
    if old == new:
        return None
    os.rename(full, os.path.join(folder, name))
    return path, name


def exchange(bag: bytes, draw: Draw) -> object:
    """Two files have each other's content."""
    one, other = _picked(bag, draw), _picked(bag, draw)
    assert one is not None and other is not None
    if one[2] == other[2]:
        return None
    one[1].write_bytes(other[2])
    other[1].write_bytes(one[2])
    return one[0], other[0]


def link(bag: bytes, draw: Draw) -> object:
    """A link stands where the file was, and leads to its content."""
    picked = _picked(bag, draw)
    assert picked is not None
    path, full, content = picked
    elsewhere = Path(os.fsdecode(bag) + ".elsewhere")
    elsewhere.write_bytes(content)
    full.unlink()
    full.symlink_to(elsewhere)
    return path


def folder(bag: bytes, draw: Draw) -> object:
    """An empty folder stands where the file was."""
    picked = _picked(bag, draw)
    assert picked is not None
    picked[1].unlink()
    picked[1].mkdir()
    return picked[0]


def _folders(bag: bytes) -> list[bytes]:
    above = {b"data"}
    for path in _files(bag):
        while (path := os.path.dirname(path)).startswith(b"data"):
            above.add(path)
    return sorted(above)


def _may_stand(folder: bytes, name: bytes) -> bool:
    usable = 0 < len(name) <= 255 and name not in (b".", b"..") and b"/" not in name and b"\0" not in name
    return usable and not os.path.lexists(os.path.join(folder, name))


DAMAGES: tuple[Damage, ...] = (flip, truncate, lengthen, delete, add, rename, exchange, link, folder)
