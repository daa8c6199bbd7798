"""Trees of small files, held in memory: read from a folder, and written into one."""

import os
from pathlib import Path
from shutil import rmtree

Tree = dict[bytes, bytes | None]  # path from the top -> content; None for a folder


def read_tree(top: Path, *, but: bytes) -> Tree:
    """The tree in a folder, without the files whose names end so."""
    tree: Tree = {}
    for folder, folders, files in os.walk(os.fsencode(top)):
        prefix = os.path.relpath(folder, os.fsencode(top)) + b"/" if folder != os.fsencode(top) else b""
        tree.update((prefix + name, None) for name in folders)
        for name in files:
            if not name.endswith(but):
                with open(os.path.join(folder, name), "rb") as file:
                    tree[prefix + name] = file.read()
    return tree


def write_tree(tree: Tree, top: Path) -> None:
    """Makes a folder hold just that."""
    for entry in os.scandir(top):
        if entry.is_dir(follow_symlinks=False):
            rmtree(entry.path)
        else:
            os.unlink(entry.path)
    for path, content in sorted(tree.items()):
        full = os.path.join(os.fsencode(top), path)
        if content is None:
            os.mkdir(full)
        else:
            with open(full, "wb") as file:
                file.write(content)
