"""What a workload of the power-cut campaign is, and the small files that they work on."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

Files = dict[str, bytes]


class Workload(Protocol):
    """A command, in a folder of its own."""

    name: str
    variants: Sequence[str] = ()  # of `tests.campaigns.seeded`: in these the program is run, recorded or again
    ends: Sequence[int] = (0, 2)  # of a run after another; 2: the work was done, and its result is in its own way

    def prepare(self, folder: Path) -> None:
        """Makes what the command needs; all of it counts as durable. Keeps in mind what `judge` must know."""
        ...

    def arguments(self, folder: Path) -> Sequence[str]:
        """The arguments of `preserve`; it must end with 0."""
        ...

    def judge(self, folder: Path, finished: bool) -> list[str]:
        """What should not be. `finished`: the command had ended, so its work must be there in every state."""
        ...

    def before_rerun(self, folder: Path) -> None:
        """Called on a state before the same command is run in it again, and may mend what only the campaign changed."""
        return

    def judge_rerun(self, folder: Path) -> list[str]:
        """What should not be after the same command was run again; may look longer than `judge`."""
        return self.judge(folder, True)


def collection(folder: Path, seed: int) -> Files:
    """A few files, each with a content of its own; some are named like a bag's own files."""
    rng = random.Random(seed)
    names = [
        "data/inner.txt",
        "manifest-sha256.txt",
        "read.log",
        "sub/bagit.txt",
        "ខ្មែរ/ឯកសារ.txt",
        "page.tif",
        "sub/x",
    ]
    sizes = [1, 40, 511, 513, 2000, 4097, 9000]
    files = {name: rng.randbytes(size) for name, size in zip(names, sizes, strict=True)}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return files
