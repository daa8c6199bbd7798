"""What can be said of a bag that is validated or made: stable codes, weight, place in RFC 8493, sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from checks.evidence import Outcome
from checks.findings import Severity


class Code(StrEnum):
    """The stable codes of a validation's findings."""

    NOT_A_BAG = "not-a-bag"
    DECLARATION_MALFORMED = "declaration-malformed"
    VERSION_UNSUPPORTED = "version-unsupported"
    ENCODING_UNKNOWN = "encoding-unknown"
    ENCODING_INVALID = "encoding-invalid"
    BYTE_ORDER_MARK = "byte-order-mark"
    TAG_FILE_TOO_LARGE = "tag-file-too-large"
    PAYLOAD_FOLDER_MISSING = "payload-folder-missing"
    MANIFEST_MISSING = "manifest-missing"
    ALGORITHM_UNKNOWN = "algorithm-unknown"
    MANIFEST_NOT_CHECKED = "manifest-not-checked"
    NOT_JUDGED = "not-judged"
    LINE_MALFORMED = "line-malformed"
    LINE_TOO_LONG = "line-too-long"
    LINE_BLANK = "line-blank"
    DIGEST_MALFORMED = "digest-malformed"
    FOREIGN_PREFIX = "foreign-prefix"
    PERCENT_UNENCODED = "percent-unencoded"
    UNSAFE_PATH = "unsafe-path"
    NOT_PAYLOAD = "not-payload"
    NOT_A_TAG_FILE = "not-a-tag-file"
    DUPLICATE_ENTRY = "duplicate-entry"
    REPEATED_ENTRY = "repeated-entry"
    MANIFESTS_DISAGREE = "manifests-disagree"
    TAG_MANIFESTS_DISAGREE = "tag-manifests-disagree"
    TAG_MANIFEST_INCOMPLETE = "tag-manifest-incomplete"
    MISSING = "missing"
    UNTRACKED = "untracked"
    DIGEST_MISMATCH = "digest-mismatch"
    WRONG_KIND = "wrong-kind"
    UNREADABLE = "unreadable"
    CHANGED_WHILE_READ = "changed-while-read"
    LISTING_INCOMPLETE = "listing-incomplete"
    NAME_NORMALISATION = "name-normalisation"
    INFO_MALFORMED = "info-malformed"
    OXUM_MALFORMED = "oxum-malformed"
    OXUM_REPEATED = "oxum-repeated"
    OXUM_MISMATCH = "oxum-mismatch"
    FETCH_MALFORMED = "fetch-malformed"
    FETCH_UNLISTED = "fetch-unlisted"
    SOURCE_EMPTY = "source-empty"
    EMPTY_FOLDER = "empty-folder"
    OXUM_NEEDED = "oxum-needed"
    PROFILE_KEY_UNKNOWN = "profile-key-unknown"
    PROFILE_IDENTIFIER = "profile-identifier"
    PROFILE_INFO_MISSING = "profile-info-missing"
    PROFILE_INFO_RECOMMENDED = "profile-info-recommended"
    PROFILE_VALUE_NOT_ALLOWED = "profile-value-not-allowed"
    PROFILE_NOT_REPEATABLE = "profile-not-repeatable"
    PROFILE_MANIFEST_MISSING = "profile-manifest-missing"
    PROFILE_MANIFEST_NOT_ALLOWED = "profile-manifest-not-allowed"
    PROFILE_TAG_FILE_MISSING = "profile-tag-file-missing"
    PROFILE_TAG_FILE_NOT_ALLOWED = "profile-tag-file-not-allowed"
    PROFILE_PAYLOAD_MISSING = "profile-payload-missing"
    PROFILE_PAYLOAD_NOT_ALLOWED = "profile-payload-not-allowed"
    PROFILE_PAYLOAD_NOT_EMPTY = "profile-payload-not-empty"
    PROFILE_FETCH = "profile-fetch"
    PROFILE_VERSION = "profile-version"
    PROFILE_SERIALIZATION = "profile-serialization"

    @property
    def meaning(self) -> "Meaning":
        """Its row in the table."""
        return MEANINGS[self]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code stands for. `section` is of RFC 8493, empty where the RFC says nothing of it.

    `remedy` is what an archivist does about it; the page docs/findings.md is made from this table.
    """

    severity: Severity
    outcome: Outcome
    section: str
    sentence: str
    remedy: str = ""


def _bad(section: str, sentence: str, remedy: str = "") -> Meaning:
    return Meaning(Severity.ERROR, Outcome.FAIL, section, sentence, remedy)


def _open(section: str, sentence: str, remedy: str = "") -> Meaning:
    return Meaning(Severity.ERROR, Outcome.INCONCLUSIVE, section, sentence, remedy)


def _warn(section: str, sentence: str, remedy: str = "") -> Meaning:
    return Meaning(Severity.WARNING, Outcome.PASS, section, sentence, remedy)


MEANINGS: Mapping[Code, Meaning] = MappingProxyType(
    {
        Code.NOT_A_BAG: _bad("2", "this is not a bag: {why}"),
        Code.DECLARATION_MALFORMED: _bad("2.1.1", "not a bag declaration: {why}"),
        Code.VERSION_UNSUPPORTED: _open("2.1.1", "BagIt version {version} is not known here; judged as 1.0"),
        Code.ENCODING_UNKNOWN: _bad("2.1.1", "no encoding of tag files is called {encoding}"),
        Code.ENCODING_INVALID: _bad("2.1.1", "bytes that are not {encoding}, which bagit.txt declares"),
        Code.BYTE_ORDER_MARK: _warn("2.1.1", "begins with a byte-order mark"),
        Code.TAG_FILE_TOO_LARGE: _bad("", "larger than {limit_bytes} bytes; the rest was not read"),
        Code.PAYLOAD_FOLDER_MISSING: _bad("2.1.2", "the payload folder data/ is not there"),
        Code.MANIFEST_MISSING: _bad("2.1.3", "no payload manifest: nothing says what the payload should be"),
        Code.ALGORITHM_UNKNOWN: _open("2.4", "the algorithm {algorithm} is not known here, so nothing can be judged"),
        Code.MANIFEST_NOT_CHECKED: _warn(
            "2.4", "the algorithm {algorithm} is not known here; only this manifest's names were compared"
        ),
        Code.NOT_JUDGED: _open("2.4", "listed only with checksums that cannot be computed here"),
        Code.LINE_MALFORMED: _bad("2.1.3", "not a line of a manifest (checksum, space, path)"),
        Code.LINE_TOO_LONG: _bad("", "a line longer than {limit_bytes} bytes; it was not read"),
        Code.LINE_BLANK: _warn("2.1.3", "a blank line"),
        Code.DIGEST_MALFORMED: _bad("2.4", "not a checksum of {algorithm}"),
        Code.FOREIGN_PREFIX: _warn("2.1.3", "the path has the prefix {prefix} of another tool; it was left out"),
        Code.PERCENT_UNENCODED: _warn("2.1.3", "a percent sign that is not written as %25; taken as it stands"),
        Code.UNSAFE_PATH: _bad("5.1", "a path that must not be followed: {why}"),
        Code.NOT_PAYLOAD: _bad("2.1.3", "a payload manifest lists only files below data/"),
        Code.NOT_A_TAG_FILE: _bad("2.2.1", "a tag manifest lists no {what}"),
        Code.DUPLICATE_ENTRY: _bad("2.1.3", "listed more than once in the same manifest"),
        Code.REPEATED_ENTRY: _warn("2.1.3", "listed more than once in the same manifest, with the same checksum"),
        Code.MANIFESTS_DISAGREE: _bad("3", "not listed in {manifest}, though every payload manifest must list it"),
        Code.TAG_MANIFESTS_DISAGREE: _bad("2.2.1", "not listed in {manifest}, though every tag manifest must list it"),
        Code.TAG_MANIFEST_INCOMPLETE: _bad("2.2.1", "the tag manifest does not list this payload manifest"),
        Code.MISSING: _bad("3", "listed, but not there{note}"),
        Code.UNTRACKED: _bad("3", "there, but listed in no payload manifest"),
        Code.DIGEST_MISMATCH: _bad("3", "the content is not what the manifest says"),
        Code.WRONG_KIND: _bad("5.1", "not a regular file ({kind}); it was not followed or read"),
        Code.UNREADABLE: _open("", "could not be read ({cause}); not judged"),
        Code.CHANGED_WHILE_READ: _open("", "changed while it was being read; not judged"),
        Code.LISTING_INCOMPLETE: _open("", "this folder could not be listed ({cause}); unknown what is in it"),
        Code.NAME_NORMALISATION: _warn("5.2", "the name on disk is spelled with other code points: {found_at}"),
        Code.INFO_MALFORMED: _bad("2.2.2", "not a line of bag-info.txt: {why}"),
        Code.OXUM_MALFORMED: _bad("2.2.2", "not a Payload-Oxum (bytes, full stop, files): {value}"),
        Code.OXUM_REPEATED: _bad("2.2.2", "Payload-Oxum must not stand more than once"),
        Code.OXUM_MISMATCH: _bad("2.2.2", "the payload is {observed_oxum} (bytes.files), Payload-Oxum says {oxum}"),
        Code.FETCH_MALFORMED: _bad("2.2.3", "not a line of fetch.txt (URL, length, path): {why}"),
        Code.FETCH_UNLISTED: _bad("2.2.3", "fetch.txt lists it, no payload manifest does"),
        Code.SOURCE_EMPTY: _warn("2.1.2", "there is no file in it; the bag's payload is empty"),
        Code.OXUM_NEEDED: _open(
            "2.2.2",
            "--fast compares the payload's size with Payload-Oxum, and bag-info.txt states none that can be used",
            "Validate without --fast: then every byte is read.",
        ),
        Code.EMPTY_FOLDER: _warn("2.1.3", "an empty folder, which a bag's manifests cannot carry"),
        Code.PROFILE_KEY_UNKNOWN: _warn(
            "",
            "the profile has a key that BagIt Profiles does not know, and nothing checked it: {key}",
            "Ask whoever made the profile what it means, and check that by hand.",
        ),
        Code.PROFILE_IDENTIFIER: _bad(
            "",
            "bag-info.txt does not say BagIt-Profile-Identifier: {identifier} (BagIt Profiles){found}",
            "If the bag was made for this profile, ask its maker for one that names it; else choose the right profile.",
        ),
        Code.PROFILE_INFO_MISSING: _bad(
            "",
            "the label {label} is not there, and the profile requires it (BagIt Profiles, Bag-Info){note}",
            "Add the line to bag-info.txt when the bag is made: --info 'LABEL: VALUE'.",
        ),
        Code.PROFILE_INFO_RECOMMENDED: _warn(
            "",
            "the label {label} is not there, and the profile recommends it (BagIt Profiles, Bag-Info){note}",
            "Add the line when the bag is made, if you know what to say: --info 'LABEL: VALUE'.",
        ),
        Code.PROFILE_VALUE_NOT_ALLOWED: _bad(
            "",
            "{label} is '{value}', and the profile allows only {allowed} (BagIt Profiles, Bag-Info)",
            "Write one of the allowed values, letter for letter.",
        ),
        Code.PROFILE_NOT_REPEATABLE: _bad(
            "",
            "the label {label} stands more than once, and the profile allows it once (BagIt Profiles, Bag-Info)",
            "Keep the line that is right; labels do not differ by case.",
        ),
        Code.PROFILE_MANIFEST_MISSING: _bad(
            "",
            "there is no {kind} of {algorithm}, and the profile requires one (BagIt Profiles)",
            "Make the bag with this algorithm, too: --algorithm NAME.",
        ),
        Code.PROFILE_MANIFEST_NOT_ALLOWED: _bad(
            "",
            "a {kind} of {algorithm}, which the profile does not allow (BagIt Profiles)",
            "Make the bag with the profile's algorithms only; `preserve bag --profile` takes them by itself.",
        ),
        Code.PROFILE_TAG_FILE_MISSING: _bad(
            "",
            "the profile requires this tag file (BagIt Profiles, Tag-Files-Required)",
            "Ask the bag's maker for one that holds it.",
        ),
        Code.PROFILE_TAG_FILE_NOT_ALLOWED: _bad(
            "",
            "a tag file that the profile does not allow (BagIt Profiles, Tag-Files-Allowed)",
            "Leave it out of the bag, or have the profile allow it.",
        ),
        Code.PROFILE_PAYLOAD_MISSING: _bad(
            "",
            "the profile requires it in the payload (BagIt Profiles, Payload-Files-Required)",
            "Put the file into the source, under exactly this name, and make the bag again.",
        ),
        Code.PROFILE_PAYLOAD_NOT_ALLOWED: _bad(
            "",
            "a payload file that the profile does not allow (BagIt Profiles, Payload-Files-Allowed)",
            "Take it out of the source and make the bag again, or have the profile allow it.",
        ),
        Code.PROFILE_PAYLOAD_NOT_EMPTY: _bad(
            "",
            "the profile wants an empty payload, at most one file of no bytes (BagIt Profiles, Data-Empty)",
            "Make the bag of an empty folder, or choose the right profile.",
        ),
        Code.PROFILE_FETCH: _bad(
            "",
            "{why} (BagIt Profiles)",
            "Complete the bag and take fetch.txt out, or ask for the bag as the profile wants it.",
        ),
        Code.PROFILE_VERSION: _bad(
            "",
            "the bag is of BagIt version {version}, and the profile accepts {accepted} (BagIt Profiles)",
            "Ask for the bag in a version that the profile accepts.",
        ),
        Code.PROFILE_SERIALIZATION: _bad(
            "",
            "{why} (BagIt Profiles, Serialization)",
            "Pack or unpack the bag as the profile wants it, and validate that.",
        ),
    }
)
