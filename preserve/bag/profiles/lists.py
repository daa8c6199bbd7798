"""The lists of a BagIt profile: which manifests, tag files and payload files must be there, and which may."""

import os
import re

from checks.algorithms import normalised
from preserve.bag.profiles.json_object import Fields, shown
from preserve.bag.profiles.model import AlgorithmRules
from preserve.bag.profiles.names import GLOB_TEXT_LIMIT, GLOBS_LIMIT, NameRules, patterns
from preserve.bag.tags import declaration, fetching, info
from preserve.bag.tags.manifests import manifests_among
from preserve.bag.tags.paths import why_unsafe


def algorithm_rules(top: Fields, what: str) -> AlgorithmRules:
    """The rules of manifests or tag manifests."""
    required, allowed = top.texts(f"{what}-Required") or (), top.texts(f"{what}-Allowed")
    for key, names in ((f"{what}-Required", required), (f"{what}-Allowed", allowed or ())):
        for name in names:
            if not normalised(name):
                raise top.fault(key, f"'{shown(name)}' is no algorithm", 'Write it like "sha256".')
    rules = AlgorithmRules(
        required=tuple(dict.fromkeys(map(normalised, required))),
        allowed=None if allowed is None else frozenset(map(normalised, allowed)),
    )
    for name in rules.required:
        if not rules.allow(name):
            raise _not_allowed(top, what, name)
    return rules


def tag_file_rules(top: Fields) -> NameRules:
    """The rules of tag files. Those that make the bag itself (manifests, bag-info.txt …) are always allowed."""
    required, allowed = top.texts("Tag-Files-Required") or (), top.texts("Tag-Files-Allowed")
    for path in required:
        _refuse_unsafe(top, "Tag-Files-Required", path)
        if path.startswith("data/"):
            what = f"'{shown(path)}' is below data/, where no tag file is"
            raise top.fault("Tag-Files-Required", what, "Name it in Payload-Files-Required.")
    rules = _names(top, "Tag-Files-Allowed", required, allowed)
    for name in rules.required:
        if not rules.allow(name) and not is_of_the_bag(name):
            raise _not_allowed(top, "Tag-Files", os.fsdecode(name))
    return rules


def payload_rules(top: Fields) -> NameRules:
    """The rules of payload files. A required folder is covered by what covers anything in it (`data/src/*`)."""
    required, allowed = top.texts("Payload-Files-Required") or (), top.texts("Payload-Files-Allowed")
    for path in required:
        _refuse_unsafe(top, "Payload-Files-Required", path.removesuffix("/"))
        if not path.startswith("data/"):
            what = f"'{shown(path)}' is not below data/"
            raise top.fault("Payload-Files-Required", what, "Write the path from the bag's root: data/….")
    rules = _names(top, "Payload-Files-Allowed", required, allowed)
    for name in rules.required:
        if not name.endswith(b"/") and not rules.allow(name):
            raise _not_allowed(top, "Payload-Files", os.fsdecode(name))
        if name.endswith(b"/") and not _covered(name, allowed):
            raise _not_allowed(top, "Payload-Files", os.fsdecode(name))
    return rules


def _covered(folder: bytes, allowed: tuple[str, ...] | None) -> bool:
    """Whether a file in the folder could be allowed: some entry begins below it, or has an asterisk before."""
    if allowed is None:
        return True
    start = os.fsdecode(folder)
    for entry in allowed:
        fixed = re.split(r"[*?\[]", entry, maxsplit=1)[0]
        if fixed.startswith(start) or (fixed != entry and start.startswith(fixed)):
            return True
    return False


def _names(top: Fields, key: str, required: tuple[str, ...], allowed: tuple[str, ...] | None) -> NameRules:
    try:
        found = None if allowed is None else patterns(allowed)
    except ValueError as error:
        remedy = f"At most {GLOBS_LIMIT:,} patterns of {GLOB_TEXT_LIMIT:,} characters can be tried on every name."
        raise top.fault(key, f"has {error}", remedy) from error
    return NameRules(required=tuple(os.fsencode(path) for path in required), allowed=found)


def is_of_the_bag(name: bytes) -> bool:
    """Whether a file of the top folder is one that BagIt itself names, which no rule of tag files is about."""
    return name in (declaration.NAME, info.NAME, fetching.NAME) or bool(manifests_among([name]))


def _refuse_unsafe(top: Fields, key: str, path: str) -> None:
    why = why_unsafe(os.fsencode(path))
    if why is not None:
        raise top.fault(key, f"'{shown(path)}' cannot be in a bag: {why}", "Write paths from the bag's root.")


def _not_allowed(top: Fields, what: str, name: str) -> Exception:
    return top.fault(
        f"{what}-Required", f"'{shown(name)}' is required, but {what}-Allowed does not allow it", "Add it there, too."
    )
