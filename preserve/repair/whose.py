"""Whose the bags are that lie on replicas and in no catalog: by their folders' names and by what they say."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from preserve.catalog.catalog import Catalog
from preserve.repair.found_bags import FoundBag
from preserve.stores.locations import named_by

Found = dict[tuple[str, int], list[FoundBag]]  # by identifier and version; of each replica one at most


def call_as_they_say(bags: Sequence[FoundBag]) -> None:
    """Names those of one replica that say to be another package than their folder's name does: they were adopted.

    A folder named like a later version (`id.v2`) keeps that name; so does one where another folder of this replica has
    that identifier and is another bag: then it was taken in with `--id`.
    """
    named = {bag.identifier: bag for bag in bags if bag.version == 1 and bag.stated in ("", bag.identifier)}
    for bag in bags:
        if bag.version > 1 or bag.stated in ("", bag.identifier):
            continue
        other = named.get(bag.stated)
        if other is None or not other.tags or other.tags == bag.tags:
            bag.identifier = bag.stated
            named.setdefault(bag.identifier, bag)


def made_by_us(found: Found, catalog: Catalog, stated: Mapping[UUID, set[str]]) -> tuple[Found, list[FoundBag]]:
    """What replication made since a backup, and the other bags, which are for a person to look at.

    Ours are folders named as `preserve replicate` names them, of a known package, of a bag that we made, or under one
    name on several replicas.

    Args:
        stated: the identifiers under which each Package-UUID is known or was found.
    """
    ours: Found = {}
    others: list[FoundBag] = []
    for (identifier, version), bags in found.items():
        placed = [bag for bag in bags if named_by(bag.location) is not None]
        known = catalog.package_named(identifier, include_removed=True) is not None
        if placed and (known or len(placed) > 1 or _is_its_own(placed[0], stated)):
            ours[identifier, version] = placed
            others += [bag for bag in bags if bag not in placed]
        else:
            others += bags
    return ours, others


def _is_its_own(bag: FoundBag, stated: Mapping[UUID, set[str]]) -> bool:
    """Whether we made the bag, and its Package-UUID stands for no other package."""
    return bag.uuid is not None and (stated[bag.uuid] == {bag.identifier} or bag.stated == bag.identifier)
