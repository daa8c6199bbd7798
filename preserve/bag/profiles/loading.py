"""BagIt profiles (BagIt Profiles Specification 1.1 to 1.4): from a JSON file to the rules that hold for a bag."""

import re
from types import MappingProxyType

from preserve.bag.profiles.json_object import Fields, document, is_one_line, shown
from preserve.bag.profiles.lists import algorithm_rules, payload_rules, tag_file_rules
from preserve.bag.profiles.model import IDENTIFIER, Profile, Serialization, TagRule

_KEYS = (
    *("BagIt-Profile-Info", "Bag-Info", "Manifests-Required", "Manifests-Allowed"),
    *("Tag-Manifests-Required", "Tag-Manifests-Allowed", "Tag-Files-Required", "Tag-Files-Allowed"),
    *("Payload-Files-Required", "Payload-Files-Allowed", "Allow-Fetch.txt", "Fetch.txt-Required", "Data-Empty"),
    *("Serialization", "Accept-Serialization", "Accept-BagIt-Version"),
)
_RULE_KEYS = ("required", "recommended", "values", "repeatable", "description")
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\Z")
_SPECIFICATION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?\Z")


def load(path: bytes) -> Profile:
    """The profile in a file. Nothing is ever fetched, whatever its identifier says.

    Raises:
        UsageError: it is a URL, no profile, or contradicts itself; file, key and remedy are named.
        UndeterminedError: the file is there and cannot be read.
    """
    top = document(path)
    head = top.within("BagIt-Profile-Info")
    if head is None:
        raise top.fault(
            "BagIt-Profile-Info", "is not there, so this is no BagIt profile", "Name the JSON file of a profile."
        )
    top.expect(_KEYS)
    identifier = head.text(IDENTIFIER, needed=True)
    if not is_one_line(identifier) or identifier != identifier.strip():
        raise head.fault(IDENTIFIER, "cannot stand in a line of bag-info.txt", "Write one URI in one line.")
    serialization, formats = _serialization(top)
    allow_fetch = top.boolean("Allow-Fetch.txt", default=True)
    require_fetch = top.boolean("Fetch.txt-Required", default=False)
    if require_fetch and not allow_fetch:
        raise top.fault("Fetch.txt-Required", "is true, but Allow-Fetch.txt is false", "Only one of the two can hold.")
    data_empty = top.boolean("Data-Empty", default=False)
    payload_files = payload_rules(top)
    if data_empty and len(payload_files.required) > 1:
        what = "is true, but Payload-Files-Required names more than one file"
        raise top.fault("Data-Empty", what, "Only one of the two can hold.")
    return Profile(
        identifier=identifier,
        version=head.text("Version", needed=True),
        specification=_specification(head),
        organization=head.text("Source-Organization", needed=True),
        description=head.text("External-Description", needed=True),
        info=_info(top, identifier),
        manifests=algorithm_rules(top, "Manifests"),
        tag_manifests=algorithm_rules(top, "Tag-Manifests"),
        tag_files=tag_file_rules(top),
        payload_files=payload_files,
        allow_fetch=allow_fetch,
        require_fetch=require_fetch,
        data_empty=data_empty,
        serialization=serialization,
        formats=formats,
        versions=_versions(top),
        unknown=tuple(top.unknown),
    )


def _specification(head: Fields) -> tuple[int, ...]:
    """Which version of the specification; 1.1.0 where none is named. Other majors mean what we cannot know."""
    key = "BagIt-Profile-Version"
    written = head.text(key) or "1.1.0"
    found = _SPECIFICATION.match(written)
    if found is None:
        raise head.fault(key, f"is no version: '{shown(written)}'", 'Write it like "1.4.0".')
    if int(found[1]) != 1:
        raise head.fault(key, f"is {written}; known are 1.1 to 1.4", "Ask for the profile in one of these versions.")
    return tuple(int(part or 0) for part in found.groups())


def _info(top: Fields, identifier: str) -> MappingProxyType[str, TagRule]:
    """The rules of bag-info.txt, by label in lower case."""
    rules: dict[str, TagRule] = {}
    section = top.within("Bag-Info") or Fields(top.file, "Bag-Info", {}, top.unknown)
    for label in section.content:
        if not label.strip() or label != label.strip() or ":" in label or not is_one_line(label):
            raise section.fault(
                label, "is no label that bag-info.txt can hold", "Write it as it stands before a colon."
            )
        fields = section.within(label)
        assert fields is not None
        fields.expect(_RULE_KEYS)
        if label.lower() in rules:
            what = f"stands beside {shown(rules[label.lower()].label)}, which is the same label"
            raise section.fault(label, what, "Labels do not differ by case; make one rule of the two.")
        rules[label.lower()] = TagRule(
            label=label,
            required=fields.boolean("required", default=False),
            recommended=fields.boolean("recommended", default=False),
            repeatable=fields.boolean("repeatable", default=True),
            values=fields.texts("values") or (),
            description=fields.text("description"),
        )
    own = rules.get(IDENTIFIER.lower())
    if own is not None and own.values and identifier not in own.values:
        what = "allows other values only than the profile's own identifier"
        raise section.fault(own.label, what, "Take it out of Bag-Info; it is always required.")
    return MappingProxyType(rules)


def _serialization(top: Fields) -> tuple[Serialization, tuple[str, ...]]:
    """Whether a bag is to be serialised, and in which formats. The formats mean nothing where it is forbidden."""
    written = top.text("Serialization")
    formats = tuple(dict.fromkeys(each.strip().lower() for each in top.texts("Accept-Serialization") or ()))
    try:
        which = Serialization(written or "optional")
    except ValueError as error:
        choices = ", ".join(Serialization)
        raise top.fault("Serialization", f"is '{shown(written)}'", f"It is one of {choices}.") from error
    if written and which is not Serialization.FORBIDDEN and not formats:
        what = f"is not there or empty, though Serialization is {which}"
        raise top.fault("Accept-Serialization", what, 'Name at least one format, like ["application/zip"].')
    return which, () if which is Serialization.FORBIDDEN else formats


def _versions(top: Fields) -> tuple[str, ...]:
    key = "Accept-BagIt-Version"
    versions = top.texts(key) or ()
    wrong = next((version for version in versions if not _VERSION.match(version)), None)
    if wrong is not None:
        raise top.fault(key, f"'{shown(wrong)}' is no version of BagIt", 'Write it like "1.0" or "0.97".')
    if not versions:
        raise top.fault(key, "is not there or empty, and every profile must have it", 'Write it like ["1.0"].')
    return versions
