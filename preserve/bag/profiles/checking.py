"""A bag that was read, judged by a BagIt profile. Nothing is read here: whoever reads the bag tells what it sees."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.profiles.json_object import shown
from preserve.bag.profiles.lists import is_of_the_bag
from preserve.bag.profiles.model import IDENTIFIER, AlgorithmRules, Profile, Serialization, TagRule
from preserve.bag.profiles.names import Awaited
from preserve.bag.tags import fetching, info
from preserve.bag.tags.info import InfoEntry
from preserve.bag.tags.manifests import manifest_name

_VALUES_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BagFacts:
    """What a bag says of itself, before its files are looked at.

    Args:
        version: of BagIt, as bagit.txt declares it; None if that could not be told, then no rule of versions is judged.
        info: the entries of bag-info.txt; None if it is there and could not be read, then no label is called missing.
        algorithms: normalised, of the payload manifests that are there, known here or not.
        tag_algorithms: the same of the tag manifests.
        has_fetch: whether there is a fetch.txt.
        media_type: of the file that the bag is; None for a folder.
    """

    version: str | None
    info: Sequence[InfoEntry] | None
    algorithms: Sequence[str]
    tag_algorithms: Sequence[str]
    has_fetch: bool = False
    media_type: str | None = None


class Checker:
    """One bag against one profile: `structure`, then names as they pass by in any order, then `finish`.

    A name that is not allowed is told at once; memory holds the profile's names and none of the bag's.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._tag_files = Awaited(profile.tag_files.required)
        self._payload_files = Awaited(profile.payload_files.required)
        self._payload_count = 0

    def structure(self, bag: BagFacts) -> Iterator[Finding]:
        """What the bag says of itself. Version and serialization come first (BagIt Profiles calls them fatal)."""
        for key in self.profile.unknown:
            yield Finding(code=Code.PROFILE_KEY_UNKNOWN, parameters={"key": key})
        yield from self._version(bag.version)
        yield from self._serialization(bag.media_type)
        if bag.info is not None:
            yield from self._identifier(bag.info)
            for rule in self.profile.info.values():
                yield from _label(rule, [entry for entry in bag.info if entry.has(rule.label)])
        yield from _algorithms(self.profile.manifests, bag.algorithms, of_payload=True)
        yield from _algorithms(self.profile.tag_manifests, bag.tag_algorithms, of_payload=False)
        yield from self._fetch(has_fetch=bag.has_fetch)

    def tag_file(self, path: bytes) -> Finding | None:
        """Takes note of one file outside of data/; what is wrong with its name."""
        self._tag_files.pass_by(path)
        if self.profile.tag_files.allow(path) or is_of_the_bag(path):
            return None
        return Finding(code=Code.PROFILE_TAG_FILE_NOT_ALLOWED, path=path)

    def payload_name(self, path: bytes) -> Finding | None:
        """Takes note of one payload file that is there (`data/…`); what is wrong with its name."""
        self._payload_count += 1
        self._payload_files.pass_by(path)
        if self.profile.payload_files.allow(path):
            return None
        return Finding(code=Code.PROFILE_PAYLOAD_NOT_ALLOWED, path=path)

    def finish(
        self, *, payload_bytes: int | None, payload_known: bool = True, tag_files_known: bool = True
    ) -> Iterator[Finding]:
        """What should have passed by and did not.

        Args:
            payload_bytes: the payload's size; None if it could not be told.
            payload_known: whether every payload folder could be listed; else nothing of it is called missing.
            tag_files_known: the same of the other folders.
        """
        if tag_files_known:
            for path in self._tag_files.left():
                yield Finding(code=Code.PROFILE_TAG_FILE_MISSING, path=path)
        if payload_known:
            for path in self._payload_files.left():
                yield Finding(code=Code.PROFILE_PAYLOAD_MISSING, path=path)
        if self.profile.data_empty and (self._payload_count > 1 or (self._payload_count == 1 and payload_bytes)):
            yield Finding(
                code=Code.PROFILE_PAYLOAD_NOT_EMPTY,
                expected={"payload_bytes": 0},
                observed={"payload_bytes": payload_bytes, "files": self._payload_count},
            )

    def _version(self, version: str | None) -> Iterator[Finding]:
        if version is not None and version not in self.profile.versions:
            parameters = {"version": version, "accepted": ", ".join(self.profile.versions)}
            yield Finding(code=Code.PROFILE_VERSION, parameters=parameters)

    def _serialization(self, media_type: str | None) -> Iterator[Finding]:
        wanted, why = self.profile.serialization, ""
        if media_type is None and wanted is Serialization.REQUIRED:
            why = f"the bag is a folder, and the profile wants it as {_any_of(self.profile.formats)}"
        elif media_type is not None and wanted is Serialization.FORBIDDEN:
            why = "the bag is one file, and the profile wants it as a folder"
        elif media_type is not None and not self.profile.accepts(media_type):
            why = f"the bag is {shown(media_type)}, and the profile wants it as {_any_of(self.profile.formats)}"
        if why:
            yield Finding(code=Code.PROFILE_SERIALIZATION, parameters={"why": why})

    def _identifier(self, entries: Sequence[InfoEntry]) -> Iterator[Finding]:
        """A bag may name several profiles; this one must be among them."""
        named = [entry for entry in entries if entry.has(IDENTIFIER)]
        if any(entry.value == self.profile.identifier for entry in named):
            return
        found = f"; it says {shown(named[0].value)}" if named else ""
        parameters = {"identifier": shown(self.profile.identifier), "found": found}
        line = named[0].line if named else None
        yield Finding(code=Code.PROFILE_IDENTIFIER, file=info.NAME, line=line, parameters=parameters)

    def _fetch(self, *, has_fetch: bool) -> Iterator[Finding]:
        if has_fetch and not self.profile.allow_fetch:
            why = "there is a fetch.txt, and the profile allows none"
        elif not has_fetch and self.profile.require_fetch:
            why = "there is no fetch.txt, and the profile requires one"
        else:
            return
        yield Finding(code=Code.PROFILE_FETCH, path=fetching.NAME, parameters={"why": why})


def _label(rule: TagRule, entries: Sequence[InfoEntry]) -> Iterator[Finding]:
    """One rule of bag-info.txt. A label that stands there without a value stands there."""
    label = shown(rule.label)
    if not entries and (rule.required or rule.recommended):
        code = Code.PROFILE_INFO_MISSING if rule.required else Code.PROFILE_INFO_RECOMMENDED
        note = f": {shown(rule.description)}" if rule.description else ""
        yield Finding(code=code, file=info.NAME, parameters={"label": label, "note": note})
    if not rule.repeatable:
        for entry in entries[1:]:
            yield Finding(
                code=Code.PROFILE_NOT_REPEATABLE, file=info.NAME, line=entry.line, parameters={"label": label}
            )
    for entry in entries:
        if rule.values and entry.value not in rule.values:
            parameters = {"label": label, "value": shown(entry.value), "allowed": _any_of(rule.values, quote="'")}
            yield Finding(code=Code.PROFILE_VALUE_NOT_ALLOWED, file=info.NAME, line=entry.line, parameters=parameters)


def _algorithms(rules: AlgorithmRules, found: Sequence[str], *, of_payload: bool) -> Iterator[Finding]:
    kind = "payload manifest" if of_payload else "tag manifest"
    for code, names in (
        (Code.PROFILE_MANIFEST_MISSING, [name for name in rules.required if name not in found]),
        (Code.PROFILE_MANIFEST_NOT_ALLOWED, [name for name in found if not rules.allow(name)]),
    ):
        for name in names:
            path = manifest_name(name, of_payload=of_payload)
            parameters = {"kind": kind, "algorithm": show(name.encode())}
            yield Finding(code=code, path=path, parameters=parameters)


def _any_of(values: Sequence[str], quote: str = "") -> str:
    """Some of many, for a sentence."""
    named = [f"{quote}{shown(value)}{quote}" for value in values[:_VALUES_SHOWN]]
    more = len(values) - len(named)
    return " or ".join(named) + (f" or one of {more} more" if more else "")
