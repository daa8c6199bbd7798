"""Making a bag for a BagIt profile: what it will be is judged before anything is written."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from checks.algorithms import DIGEST_BYTES, STANDARD, WEAK
from checks.evidence import Outcome
from checks.names import show
from checks.ports import StoreError
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.making.survey import listed
from preserve.bag.profiles.checking import BagFacts, Checker
from preserve.bag.profiles.json_object import shown
from preserve.bag.profiles.model import IDENTIFIER, Profile
from preserve.bag.tags.info import InfoEntry
from preserve.bag.tags.paths import PAYLOAD
from preserve.bag.trees import Tree
from preserve.errors import UsageError

_NO_TAG_FILES_OF_OTHERS = (
    "`preserve bag` writes no tag files but its own, and takes none over from the source. Make the bag without "
    "--profile, with --algorithm as the profile wants and with --info 'BagIt-Profile-Identifier: …'; put the missing "
    "files into the bag, outside of data/; then run `preserve validate --profile` on it (it warns that no tag manifest "
    "lists them)."
)

Lines = Sequence[tuple[str, str | None]]


def algorithms_for(profile: Profile, usual: Sequence[str]) -> tuple[str, ...]:
    """The algorithms of a bag for which none were named: what the profile requires, else what is usual and allowed.

    One set serves payload and tag manifests alike. UsageError if nothing here computes what the profile wants.
    """
    required = tuple(dict.fromkeys((*profile.manifests.required, *profile.tag_manifests.required)))
    unknown = [name for name in required if name not in DIGEST_BYTES]
    known = (*usual, *sorted(DIGEST_BYTES, key=lambda name: (name in WEAK, name not in STANDARD, name)))
    allowed = [name for name in known if profile.manifests.allow(name) and profile.tag_manifests.allow(name)]
    if unknown or not (required or allowed):
        what = ", ".join(map(shown, unknown)) or "none of those that are known here"
        raise UsageError(
            f"{_named(profile)} wants manifests of {what}, which cannot be made here",
            remedy=f"Known are {', '.join(DIGEST_BYTES)}. Ask for a profile that allows one of them.",
        )
    return required or tuple(name for name in usual if name in allowed) or (allowed[0],)


def with_identifier(profile: Profile, lines: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The given lines of bag-info.txt and the profile's identifier, unless it is among them."""
    given = tuple(lines)
    if any(label.lower() == IDENTIFIER.lower() and value == profile.identifier for label, value in given):
        return given
    return (*given, (IDENTIFIER, profile.identifier))


def refuse_unfit(
    profile: Profile,
    *,
    lines: Lines,
    algorithms: Sequence[str],
    tag_files: Iterable[bytes] = (),
    version: str = "1.0",
    media_type: str | None = None,
) -> tuple[Finding, ...]:
    """What the profile would like better in the bag that is going to be made; its payload is not looked at.

    Args:
        lines: of bag-info.txt; a value of None is computed later and taken to be right.
        algorithms: normalised.
        tag_files: paths from the bag's root of those that BagIt does not name itself.
        media_type: of the file that the bag becomes; None for a folder.

    Raises:
        UsageError: the bag would not conform. All that is missing is listed.
    """
    checker = Checker(profile)
    entries = [InfoEntry(0, label, _assumed(profile, label) if value is None else value) for label, value in lines]
    facts = BagFacts(
        version=version, info=entries, algorithms=algorithms, tag_algorithms=algorithms, media_type=media_type
    )
    found = list(checker.structure(facts))
    found += filter(None, map(checker.tag_file, tag_files))
    found += checker.finish(payload_bytes=None, payload_known=False)
    _refuse(profile, found)
    return tuple(found)


def refuse_unfit_payload(profile: Profile, tree: Tree, paths: Sequence[bytes]) -> None:
    """UsageError if these files of a source, which are to lie in data/, are not what the profile wants."""
    checker = Checker(profile)
    found = [finding for path in paths if (finding := checker.payload_name(PAYLOAD + path))]
    size = None
    if profile.data_empty and len(paths) == 1:
        with suppress(StoreError):
            size = tree.stat(paths[0]).size_bytes
    _refuse(profile, [*found, *checker.finish(payload_bytes=size, tag_files_known=False)])


def _refuse(profile: Profile, found: Iterable[Finding]) -> None:
    faults = [finding for finding in found if finding.outcome is not Outcome.PASS]
    if faults:
        raise UsageError(
            f"the bag would not be what {_named(profile)} wants; nothing was touched\n"
            + listed([_line(finding) for finding in faults]),
            remedy=" ".join(dict.fromkeys(map(_remedy, faults))),
        )


def _remedy(finding: Finding) -> str:
    """For whoever makes the bag, who is not to be sent to its maker."""
    return _NO_TAG_FILES_OF_OTHERS if finding.code is Code.PROFILE_TAG_FILE_MISSING else finding.remedy


def _named(profile: Profile) -> str:
    return f"the profile {shown(profile.identifier)}"


def _line(finding: Finding) -> str:
    message = finding.message.replace(" line 0:", ":")
    return message if finding.path is None else f"{show(finding.path)}: {message}"


def _assumed(profile: Profile, label: str) -> str:
    rule = profile.info.get(label.lower())
    return rule.values[0] if rule is not None and rule.values else "computed"
