"""What the journal speaks of, as a replay meets with it: numbers by name, and names by number for people."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from checks.names import show

_POSITION_END = 9  # NUL and the segment's number
One = TypeVar("One")


class UnknownError(ValueError):
    """A link speaks of something that no link before it brought in."""


@dataclass(slots=True)
class Version:
    """One version of a package; its shards by where they start."""

    inventory_id: int
    package_id: int
    number: int
    root: str
    count: int  # of its shards
    first_shard: int
    shards: dict[bytes, tuple[int, object]] = field(default_factory=dict)  # start -> number, root as it stands

    def shard(self, start: bytes) -> int:
        """The number of the shard that starts there."""
        if start not in self.shards:
            raise UnknownError(f"it speaks of {start_name(start)}, which version {self.number} does not have")
        return self.shards[start][0]


@dataclass(slots=True)
class Package:
    id: int
    identifier: str
    versions: list[Version] = field(default_factory=list)


@dataclass(slots=True)
class Known:
    """Everything that has a number. They are given in the order of the journal."""

    packages: dict[UUID, Package] = field(default_factory=dict)
    replicas: dict[UUID, int] = field(default_factory=dict)
    copies: dict[tuple[int, int], int] = field(default_factory=dict)  # inventory, replica -> copy
    by_inventory: list[Version] = field(default_factory=list)
    by_package: list[Package] = field(default_factory=list)
    by_copy: list[tuple[Version, int]] = field(default_factory=list)  # version, replica
    replica_names: list[str] = field(default_factory=list)
    shards: int = 0  # how many there should be

    def package(self, uuid: UUID) -> Package:
        return _found(self.packages.get(uuid), f"the package {uuid}")

    def version(self, uuid: UUID, number: int) -> Version:
        versions = self.package(uuid).versions
        return _found(versions[number - 1] if 0 < number <= len(versions) else None, f"version {number} of {uuid}")

    def replica(self, uuid: UUID) -> int:
        return _found(self.replicas.get(uuid), f"the replica {uuid}")

    def copy(self, package: UUID, version: int, replica: UUID) -> tuple[int, Version]:
        """The copy's number, and the version that it is of."""
        of = self.version(package, version)
        number = self.copies.get((of.inventory_id, self.replica(replica)))
        return _found(number, f"a copy of version {version} of {package} on {replica}"), of

    # --- for people

    def package_name(self, id_: object) -> str:
        one = _at(self.by_package, id_)
        return f"the package {id_}" if one is None else f"the package {_shown(one.identifier)}"

    def version_name(self, id_: object) -> str:
        one = _at(self.by_inventory, id_)
        if one is None:
            return f"the inventory {id_}"
        return f"version {one.number} of {self.package_name(one.package_id)}"

    def replica_name(self, id_: object) -> str:
        name = _at(self.replica_names, id_)
        return f"the replica {id_}" if name is None else f"the replica {_shown(name)}"

    def copy_name(self, id_: object) -> str:
        one = _at(self.by_copy, id_)
        if one is None:
            return f"the copy {id_}"
        return f"the copy of {self.version_name(one[0].inventory_id)} on {self.replica_name(one[1])}"

    def shard_name(self, copy_id: object, shard_id: object) -> str:
        one = _at(self.by_copy, copy_id)
        starts = () if one is None else (start for start, (id_, _) in one[0].shards.items() if id_ == shard_id)
        start = next(iter(starts), None)
        return f"shard {shard_id}" if start is None else start_name(start)


def start_name(start: object) -> str:
    """A shard by the first name that can lie in it."""
    if not start:
        return "the first shard"
    return f"the shard from {show(start[:-_POSITION_END])} on" if isinstance(start, bytes) else f"the shard {start!r}"


def _found(found: One | None, what: str) -> One:
    if found is None:
        raise UnknownError(f"it speaks of {what}, which no link before it brought in")
    return found


def _at(rows: Sequence[One], id_: object) -> One | None:
    """The row of that number, from 1; what somebody made up has none."""
    return rows[id_ - 1] if isinstance(id_, int) and 0 < id_ <= len(rows) else None


def _shown(name: str) -> str:
    return show(name.encode("utf-8", "surrogateescape"))
