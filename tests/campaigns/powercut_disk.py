"""A disk of which the power may be cut: what is on the medium, what is only in memory, and what may come of that.

The model is as unkind as a common file system may be:

- A write that was not flushed may be there, not there, there in any of its 512-byte sectors, or there as zeros (the
  file's new size came to the medium before its bytes). Every write for itself, in no order.
- What happens to the entries of one folder comes to the medium in its order: some first part of it is there. Folders
  know nothing of each other. What changes two folders at once (a rename from one to the other) is there in both or in
  neither, and only if all that came before it in both is there.
- A flushed file's bytes and size are on the medium, not its name: that is there when its folder was flushed, and its
  folder's name in the folder above. A flushed folder takes with it what came before in a folder that it shares a rename
  with. syncfs takes everything.
- A flush covers what had ended before it began.

Modes, times and owners are not modelled; nor are bytes that change without being written, or a medium that lies.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.campaigns.powercut_files import Change, File
from tests.campaigns.powercut_trees import Tree

TOP = 0  # the number of the topmost folder


class Entry(NamedTuple):
    """A name in a folder that from now on means a node, or, None, nothing any more."""

    folder: int
    name: bytes
    node: int | None


class Step(NamedTuple):
    """Entries that change at one blow."""

    time: int
    entries: tuple[Entry, ...]


@dataclass(slots=True)
class Folder:
    durable: dict[bytes, int] = field(default_factory=dict)
    live: dict[bytes, int] = field(default_factory=dict)
    pending: list[Step] = field(default_factory=list)


class Disk:
    """Files and folders by number. `now` is the time of what is done; `changes` counts what was done."""

    def __init__(self, tree: Tree) -> None:
        """A disk on which `tree` is durable."""
        self.nodes: list[File | Folder] = [Folder()]
        self.now = 0
        self.changes = 0
        for path in sorted(tree):
            above, _, name = path.rpartition(b"/")
            node = self.find(TOP, above.split(b"/") if above else ())
            assert node is not None
            content = tree[path]
            self.add(node, name, Folder() if content is None else File(content, bytearray(content)))
        self.flush_all(self.now)

    def folder(self, node: int) -> Folder:
        found = self.nodes[node]
        assert isinstance(found, Folder)
        return found

    def file(self, node: int) -> File:
        found = self.nodes[node]
        assert isinstance(found, File)
        return found

    def find(self, node: int, names: Sequence[bytes]) -> int | None:
        """What stands there now; None if nothing does."""
        for name in names:
            below = self.folder(node).live.get(name)
            if below is None:
                return None
            node = below
        return node

    def add(self, folder: int, name: bytes, node: File | Folder) -> int:
        self.nodes.append(node)
        self.change(Entry(folder, name, len(self.nodes) - 1))
        return len(self.nodes) - 1

    def change(self, *entries: Entry) -> None:
        """Changes entries at one blow, as one call does."""
        step = Step(self.now, entries)
        for number in {entry.folder for entry in entries}:
            self.folder(number).pending.append(step)
        for entry in entries:
            _enter(self.folder(entry.folder).live, entry)
        self.changes += 1

    def write(self, node: int, offset: int, data: bytes | None) -> None:
        """Writes bytes, or, without any, cuts or grows the file to `offset`."""
        change = Change(self.now, offset, data)
        self.file(node).pending.append(change)
        change.apply(self.file(node).live)
        self.changes += 1

    def flush(self, node: int, before: int) -> None:
        """Makes durable what was done to a file or folder before that time."""
        found = self.nodes[node]
        if isinstance(found, File):
            content = bytearray(found.durable)
            for change in found.pending:
                if change.time <= before:
                    change.apply(content)
            found.durable = bytes(content)
            found.pending = [change for change in found.pending if change.time > before]
        else:
            self._settle([step for step in found.pending if step.time <= before])
        self.changes += 1

    def flush_all(self, before: int) -> None:
        for node in range(len(self.nodes)):
            self.flush(node, before)

    def _settle(self, steps: list[Step]) -> None:
        """Makes steps durable, with all that must come before them."""
        settled: dict[int, Step] = {}
        while steps:
            step = steps.pop()
            if id(step) not in settled:
                settled[id(step)] = step
                for folder in {entry.folder for entry in step.entries}:
                    pending = self.folder(folder).pending
                    steps += pending[: next(i for i, other in enumerate(pending) if other is step)]
        for step in sorted(settled.values(), key=lambda step: step.time):
            for entry in step.entries:
                _enter(self.folder(entry.folder).durable, entry)
        for folder in {entry.folder for step in settled.values() for entry in step.entries}:
            self.folder(folder).pending = [step for step in self.folder(folder).pending if id(step) not in settled]

    def survivor(self, rng: random.Random) -> Tree:
        """What may be found when the power comes back."""
        luck, entries_luck = rng.choice((0.0, 0.3, 0.7, 1.0)), rng.choice((0.0, 0.5, 0.5, 1.0))
        entries = self._entries(rng, entries_luck)
        contents = [node.survivor(rng, luck) if isinstance(node, File) else None for node in self.nodes]
        return dict(_walk(entries, contents))

    def _entries(self, rng: random.Random, luck: float) -> dict[int, dict[bytes, int]]:
        """The entries of every folder: what is durable, and of the rest some first part."""
        left: dict[int, int] = {}
        entries: dict[int, dict[bytes, int]] = {}
        steps: dict[int, Step] = {}
        for number, node in enumerate(self.nodes):
            if isinstance(node, Folder):
                entries[number] = dict(node.durable)
                steps.update((id(step), step) for step in node.pending)
                count = len(node.pending)
                left[number] = count if luck == 1 else 0 if luck == 0 else rng.randint(0, count)
        for step in sorted(steps.values(), key=lambda step: step.time):
            folders = {entry.folder for entry in step.entries}
            survives = all(left[folder] for folder in folders)
            for folder in folders:
                left[folder] = left[folder] - 1 if survives else 0
            for entry in step.entries if survives else ():
                _enter(entries[entry.folder], entry)
        return entries

    def live(self) -> Tree:
        """What the command sees."""
        entries = {number: node.live for number, node in enumerate(self.nodes) if isinstance(node, Folder)}
        return dict(_walk(entries, [bytes(node.live) if isinstance(node, File) else None for node in self.nodes]))


def _enter(entries: dict[bytes, int], entry: Entry) -> None:
    if entry.node is None:
        entries.pop(entry.name, None)
    else:
        entries[entry.name] = entry.node


def _walk(
    entries: dict[int, dict[bytes, int]], contents: Sequence[bytes | None]
) -> Iterator[tuple[bytes, bytes | None]]:
    waiting = [(TOP, b"")]
    while waiting:
        folder, prefix = waiting.pop()
        for name, node in entries[folder].items():
            yield prefix + name, contents[node]
            if node in entries:
                waiting.append((node, prefix + name + b"/"))
