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
    MANIFESTS_TOO_MANY = "manifests-too-many"
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
    DECLARATION_SPACING = "declaration-spacing"
    BYTE_ORDER_MARK_FORBIDDEN = "byte-order-mark-forbidden"
    LAST_LINE_OPEN = "last-line-open"
    MANIFEST_NAME = "manifest-name"
    MANIFESTS_UNEVEN = "manifests-uneven"
    TAG_FILE_UNLISTED = "tag-file-unlisted"
    TAG_ALGORITHMS_DIFFER = "tag-algorithms-differ"
    TAG_MANIFEST_MISSING = "tag-manifest-missing"
    INFO_REPEATED = "info-repeated"
    INFO_SPACING = "info-spacing"
    BAG_COUNT_ALONE = "bag-count-alone"
    OXUM_MISSING = "oxum-missing"
    FETCH_LENGTH_MISMATCH = "fetch-length-mismatch"
    FETCH_SCHEME_UNUSUAL = "fetch-scheme-unusual"
    FETCH_REPEATED = "fetch-repeated"
    VERSION_OLD = "version-old"
    ENCODING_DISCOURAGED = "encoding-discouraged"
    ALGORITHM_WEAK = "algorithm-weak"
    ALGORITHM_UNREGISTERED = "algorithm-unregistered"
    NAMES_DIFFER_IN_CASE = "names-differ-in-case"
    NAMES_DIFFER_IN_FORM = "names-differ-in-form"
    NAMES_NOT_PORTABLE = "names-not-portable"
    SYSTEM_FILES = "system-files"
    BAG_IN_BAG = "bag-in-bag"
    ARCHIVE_TOP = "archive-top"
    ARCHIVE_NAME = "archive-name"
    ARCHIVE_EXTENSION = "archive-extension"
    ARCHIVE_DAMAGED = "archive-damaged"
    ARCHIVE_END_MISSING = "archive-end-missing"
    ARCHIVE_NOT_REACHED = "archive-not-reached"
    ARCHIVE_EXPANDS = "archive-expands-too-far"
    ARCHIVE_LIMIT = "archive-beyond-limit"
    UNSAFE_MEMBER = "unsafe-member"
    DUPLICATE_MEMBER = "duplicate-member"
    HARD_LINK_MEMBER = "hard-link-member"
    MEMBER_DAMAGED = "member-damaged"
    MEMBER_HEADERS_DISAGREE = "member-headers-disagree"
    MEMBER_NAME_ENCODING = "member-name-encoding"
    SOURCE_EMPTY = "source-empty"
    EMPTY_FOLDER = "empty-folder"
    IGNORED = "ignored"
    PATTERN_MET_NOTHING = "pattern-met-nothing"
    HALF_MADE_BAG = "half-made-bag"
    SECOND_OPINION_DIFFERS = "second-opinion-differs"
    SECOND_OPINION_MISSING = "second-opinion-missing"
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
    def of_profile(self) -> bool:
        """Whether it is about a BagIt profile, and not about BagIt."""
        return self.startswith("profile-")

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
        Code.NOT_A_BAG: _bad(
            "2",
            "this is not a bag: {why}",
            "Check that you named the bag's own folder, the one in which bagit.txt lies. Files that were never "
            "bagged become a bag with `preserve bag SOURCE --to DIR`.",
        ),
        Code.DECLARATION_MALFORMED: _bad(
            "2.1.1",
            "not a bag declaration: {why}",
            "The file bagit.txt must hold two exact lines. Get another copy of the bag, or ask its maker for one made "
            "anew; the payload can be good all the same.",
        ),
        Code.VERSION_UNSUPPORTED: _open(
            "2.1.1",
            "BagIt version {version} is not known here; judged as 1.0",
            "Newer rules may hold for this bag, or bagit.txt was changed by hand. Ask its maker which version it is.",
        ),
        Code.ENCODING_UNKNOWN: _bad(
            "2.1.1",
            "no encoding of tag files is called {encoding}",
            "Nobody can be sure how the names in this bag are to be read. Ask its maker which encoding it is, or "
            "for a bag in UTF-8.",
        ),
        Code.ENCODING_INVALID: _bad(
            "2.3",
            "bytes that are not {encoding}, which bagit.txt declares",
            "The file is damaged, or bagit.txt names the wrong encoding. Keep this copy as it is, and get "
            "another one or ask its maker.",
        ),
        Code.BYTE_ORDER_MARK: _warn(
            "2.3",
            "begins with a byte-order mark",
            "An editor put it there; it was passed over. Nothing has to be done.",
        ),
        Code.TAG_FILE_TOO_LARGE: _bad(
            "",
            "larger than {limit_bytes} bytes; the rest was not read",
            "No bagging tool writes such a file; something else lies under its name. Ask the bag's maker what it is.",
        ),
        Code.PAYLOAD_FOLDER_MISSING: _bad(
            "2.1.2",
            "the payload folder data/ is not there{note}",
            "The content is not here. Look for a data/ folder that was left behind when the bag was copied, or "
            "get another copy.",
        ),
        Code.MANIFEST_MISSING: _bad(
            "2.1.3",
            "no payload manifest: nothing says what the payload should be",
            "Nothing shows whether the files are whole. Get the manifest from the maker or from another copy; "
            "make none yourself before you know that the files are right.",
        ),
        Code.MANIFESTS_TOO_MANY: _open(
            "2.1.3",
            "{count} manifests, more than {limit}; none of them was read",
            "There are fewer algorithms than that. Ask the bag's maker what they are; move aside what is no manifest "
            "in a copy of the bag, and validate that.",
        ),
        Code.ALGORITHM_UNKNOWN: _open(
            "2.4",
            "the algorithm {algorithm} is not known here, so nothing can be judged",
            "The bag is neither good nor bad: its checksums cannot be computed here. Ask its maker for a "
            "manifest of sha256 or sha512.",
        ),
        Code.MANIFEST_NOT_CHECKED: _warn(
            "2.4",
            "the algorithm {algorithm} is not known here; only this manifest's names were compared",
            "The other manifests were checked in full. Nothing has to be done, unless you need this very checksum.",
        ),
        Code.NOT_JUDGED: _open(
            "2.4",
            "listed only with checksums that cannot be computed here",
            "Whether this file is whole is not known. Ask the bag's maker for its sha256 or sha512.",
        ),
        Code.LINE_MALFORMED: _bad(
            "2.1.3",
            "not a line of a manifest (checksum, space, path)",
            "The line says nothing that could be checked. Compare it with the same line in another copy of the "
            "bag, or ask its maker.",
        ),
        Code.LINE_TOO_LONG: _bad(
            "",
            "a line longer than {limit_bytes} bytes; it was not read",
            "No name is so long: the manifest is damaged, or it is none. Get another copy of the bag.",
        ),
        Code.LINE_BLANK: _warn("2.3", "a blank line", "Nothing has to be done."),
        Code.DIGEST_MALFORMED: _bad(
            "2.4",
            "not a checksum of {algorithm}",
            "The checksum was cut off or mistyped, so the file cannot be judged by it. Compare the line with "
            "another copy of the bag.",
        ),
        Code.FOREIGN_PREFIX: _warn(
            "6.1.3",
            "the line has {prefix} as another tool writes it; it was left out, a strict validation would fail",
            "Have the manifest written anew, in the form of the specification.",
        ),
        Code.PERCENT_UNENCODED: _warn(
            "2.1.3",
            "a percent sign that is not written as %25; taken as it stands",
            "If the file was found, nothing has to be done. If it is told as missing, ask for a bag made anew: "
            "its maker's tool writes names by older rules.",
        ),
        Code.UNSAFE_PATH: _bad(
            "5.1",
            "a path that must not be followed: {why}",
            "Such a line can make careless programs read or write outside the bag. Do not hand the bag on; ask "
            "its maker how the line came into it.",
        ),
        Code.NOT_PAYLOAD: _bad(
            "2.1.3",
            "a payload manifest lists only files below data/",
            "The line belongs into a tag manifest. No file is lost by it; ask for a bag made anew.",
        ),
        Code.NOT_A_TAG_FILE: _bad(
            "2.2.1",
            "a tag manifest lists no {what}",
            "The line belongs elsewhere. No file is lost by it; ask for a bag made anew.",
        ),
        Code.DUPLICATE_ENTRY: _bad(
            "2.1.3",
            "listed more than once in the same manifest",
            "Two lines speak of one file, and tools differ in which they believe. Compare both with another "
            "copy, and ask for a bag made anew.",
        ),
        Code.REPEATED_ENTRY: _warn(
            "2.1.3",
            "listed more than once in the same manifest, with the same checksum",
            "Both lines say the same. Nothing has to be done.",
        ),
        Code.MANIFESTS_DISAGREE: _bad(
            "3",
            "not listed in {manifest}, though every payload manifest must list it",
            "One manifest was cut off, or files were added later. The file was judged by those that list it; ask "
            "for a bag made anew.",
        ),
        Code.TAG_MANIFESTS_DISAGREE: _warn(
            "2.2.1",
            "not listed in {manifest}; tag manifests should list the same files",
            "The file was judged by the tag manifest that lists it. Nothing has to be done.",
        ),
        Code.TAG_MANIFEST_INCOMPLETE: _bad(
            "2.2.1",
            "this tag manifest does not list every payload manifest",
            "Nothing shows whether that manifest was changed. Compare it with another copy of the bag, or ask "
            "for a bag made anew.",
        ),
        Code.MISSING: _bad(
            "3",
            "listed, but not there{note}",
            "Look for it where the bag was copied from. If the bag is in your care: `preserve repair`, or "
            "`preserve restore ID --to DIR` for a whole one; else ask whoever sent it.",
        ),
        Code.UNTRACKED: _bad(
            "3",
            "there, but listed in no payload manifest{note}",
            "It was put there after the bag was made, or a tool forgot to list it. Find out what it is, and do "
            "not delete it before that.",
        ),
        Code.DIGEST_MISMATCH: _bad(
            "3",
            "the content ({size_bytes} bytes) is not what the manifest says{note}",
            "The file is damaged or was changed. Keep it, and get a good one: `preserve repair` if the bag is in "
            "your care, else ask whoever sent it.",
        ),
        Code.WRONG_KIND: _bad(
            "5.1",
            "not a regular file ({kind}); it was not followed or read",
            "A link only points to a file; the bag does not hold the file itself. Find what it should be, put it "
            "into the source, and make the bag again: `preserve bag SOURCE --to DIR`.",
        ),
        Code.UNREADABLE: _open(
            "",
            "could not be read: {cause}; not judged",
            "Check the disk, its cable and your rights to the file, then run `preserve validate` again. If the "
            "disk is failing, copy what can still be read before anything else.",
        ),
        Code.CHANGED_WHILE_READ: _open(
            "",
            "changed while it was being read; not judged",
            "Somebody, or a program, writes to it. Wait until that is done, and run `preserve validate` again.",
        ),
        Code.LISTING_INCOMPLETE: _open(
            "",
            "this folder could not be listed: {cause}; unknown what is in it",
            "Check the disk and your rights to this folder, then run `preserve validate` again. Until then "
            "nothing is known of what lies in it.",
        ),
        Code.NAME_NORMALISATION: _warn(
            "6.1.1.3",
            "the name on disk is spelled with other code points: {found_at}",
            "The file was found and read. Nothing has to be done; macOS and some copying programs spell names so.",
        ),
        Code.INFO_MALFORMED: _bad(
            "2.2.2",
            "not a line of bag-info.txt: {why}",
            "A line is 'Label: value', and what goes on from the line above begins with a space. The payload is "
            "not touched by it; ask for a bag made anew.",
        ),
        Code.OXUM_MALFORMED: _bad(
            "2.2.2",
            "not a Payload-Oxum (bytes, full stop, files): {value}",
            "The stated size cannot be used; the manifests tell whether the files are right. Ask for a bag made anew.",
        ),
        Code.OXUM_REPEATED: _bad(
            "2.2.2",
            "Payload-Oxum must not stand more than once",
            "Nobody can tell which holds; the manifests tell whether the files are right. Ask for a bag made anew.",
        ),
        Code.OXUM_MISMATCH: _bad(
            "2.2.2",
            "the payload has {observed_bytes} bytes in {observed_files} files; "
            "Payload-Oxum says {bytes} bytes in {files} files",
            "Look at the other findings: missing, untracked and changed files explain it and tell what to do. If "
            "there are none, the stated size itself is wrong.",
        ),
        Code.FETCH_MALFORMED: _bad(
            "2.2.3",
            "not a line of fetch.txt (URL, length, path): {why}",
            "Where the file should come from cannot be read. Ask the bag's maker for the file, or for a whole bag.",
        ),
        Code.FETCH_UNLISTED: _bad(
            "2.2.3",
            "fetch.txt lists it, no payload manifest does",
            "Nothing could show whether what is fetched is right. Do not fetch it; ask the bag's maker.",
        ),
        Code.DECLARATION_SPACING: _warn(
            "2.1.1",
            "white space around the colon as version 1.0 does not allow it",
            "Nothing is wrong with the content. A bag that is made anew has the exact form.",
        ),
        Code.BYTE_ORDER_MARK_FORBIDDEN: _bad(
            "2.3",
            "begins with a byte-order mark, which a UTF-8 tag file of version 1.0 must not have",
            "The content can be good all the same. Ask for a bag whose tag files have none; an editor put it there.",
        ),
        Code.LAST_LINE_OPEN: _warn(
            "2.3",
            "its last line has no line end",
            "If the file was cut off, more will be missing; otherwise nothing has to be done.",
        ),
        Code.MANIFEST_NAME: _bad(
            "2.4",
            "the manifest's name is not the normalised one, {name}",
            "It was read all the same. Rename it, and mind the tag manifests that list it.",
        ),
        Code.MANIFESTS_UNEVEN: _warn(
            "3",
            "not listed in {manifest}; before 1.0 one manifest is enough (only the first such file is named)",
            "Make a new bag of version 1.0 if every file should have every checksum.",
        ),
        Code.TAG_FILE_UNLISTED: _warn(
            "2.2.1",
            "no tag manifest lists this tag file: nothing shows whether it was changed",
            "If it belongs to the bag, have it listed; otherwise find out where it comes from.",
        ),
        Code.TAG_ALGORITHMS_DIFFER: _warn(
            "2.2.1",
            "tag manifests should use the algorithms of the payload manifests ({payload}), not {tags}",
            "Make the bag's next version with the same algorithms for both.",
        ),
        Code.TAG_MANIFEST_MISSING: _warn(
            "2.2.1",
            "there is no tag manifest: a manifest or bag-info.txt that was changed would not show",
            "Keep a digest of the manifests elsewhere, or have the bag made with a tag manifest.",
        ),
        Code.INFO_REPEATED: _warn(
            "2.2.2", "{label} should not stand more than once", "Find out which value holds, and keep that one."
        ),
        Code.INFO_SPACING: _warn(
            "2.2.2",
            "a colon should be followed by one space or tab and the value",
            "The value was read without the padding; nothing else is wrong.",
        ),
        Code.BAG_COUNT_ALONE: _warn(
            "2.2.2",
            "Bag-Count says that there are more bags, and no Bag-Group-Identifier says which",
            "Ask the sender for the other bags and the name of their group.",
        ),
        Code.OXUM_MISSING: _warn(
            "2.2.2",
            "no Payload-Oxum: a bag that arrived incomplete cannot be told at once",
            "Nothing has to be done; every file was looked for by the manifests.",
        ),
        Code.FETCH_LENGTH_MISMATCH: _warn(
            "5.3",
            "fetch.txt says {stated} bytes, the file has {size}",
            "The manifests decide whether the content is right; correct or remove the line in fetch.txt.",
        ),
        Code.FETCH_SCHEME_UNUSUAL: _warn(
            "5.2",
            "a URL of the scheme {scheme}, which hardly anybody else can fetch from",
            "Look at the line before anything is fetched; `file:` means a file on the machine that fetches.",
        ),
        Code.FETCH_REPEATED: _warn(
            "2.2.3", "fetch.txt lists it more than once", "Keep the line whose URL gives the right content."
        ),
        Code.VERSION_OLD: _warn(
            "2.1.1",
            "a bag of version {version}; judged by that version's rules",
            "Nothing has to be done. A new bag of the payload would be of version 1.0.",
        ),
        Code.ENCODING_DISCOURAGED: _warn(
            "2.3",
            "its tag files are in {encoding}; UTF-8 is recommended",
            "Nothing has to be done. Few tools read other encodings; a new bag would be in UTF-8.",
        ),
        Code.ALGORITHM_WEAK: _warn(
            "2.4",
            "{algorithms} only: shows accidents, not files that were exchanged on purpose",
            "Add a manifest of sha256 or sha512 while the content is known to be right.",
        ),
        Code.ALGORITHM_UNREGISTERED: _warn(
            "2.4",
            "{algorithm} is not in IANA's registry of hash names, which other tools go by",
            "Add a manifest of sha256 or sha512 before the bag goes to others.",
        ),
        Code.NAMES_DIFFER_IN_CASE: _warn(
            "6.1.1.3",
            "names in one folder differ in upper and lower case only: {names}",
            "On Windows and macOS one would replace the other; rename one before the bag goes there.",
        ),
        Code.NAMES_DIFFER_IN_FORM: _warn(
            "6.1.1.3",
            "names in one folder look the same and are spelled with other code points: {names}",
            "Find out which of the files is meant; some systems and tools take them for one.",
        ),
        Code.NAMES_NOT_PORTABLE: _warn(
            "6.1.2",
            "{count} names in this folder cannot stand on every file system, Windows above all: {names}",
            "Nothing has to be done here. Before the bag goes to such a system, rename and make it anew.",
        ),
        Code.SYSTEM_FILES: _warn(
            "",
            "{count} files that an operating system made for itself: {names}",
            "They are part of the bag as it is. When a bag is made, `--ignore-system-files` leaves most of them out, "
            "and `--ignore NAME` any other.",
        ),
        Code.BAG_IN_BAG: _warn(
            "",
            "a bag within the payload; its own manifests were not judged",
            "Run `preserve validate` on that folder, too, if it should be a bag of its own.",
        ),
        Code.ARCHIVE_TOP: _bad(
            "",
            "an archive holds one folder at its top, the bag's own; here stand {found}",
            "Make the archive again from the folder above the bag, with the bag's folder as its one entry; for several "
            "bags, one archive each.",
        ),
        Code.ARCHIVE_NAME: _warn(
            "",
            "the bag's folder is called {folder}; the archive should have that name and an extension",
            "Nothing is lost; rename the archive if your rules allow it.",
        ),
        Code.ARCHIVE_EXTENSION: _bad(
            "",
            "the archive's name should end in {extension}, for its content is: {kind}",
            "Rename the archive; its content need not be touched.",
        ),
        Code.ARCHIVE_DAMAGED: _bad(
            "",
            "the archive is damaged: {why}",
            "Get another copy of it. What could be read of this one was judged.",
        ),
        # INCONCLUSIVE: a careless program may have left the mark out; what was cut off can be anything.
        Code.ARCHIVE_END_MISSING: _open(
            "",
            "the archive ends without its end mark; it may have been cut off between two members, and nobody can "
            "know what stood behind",
            "Compare its size or checksum with the original, or get another copy of it. If it was written so and is "
            "all there, unpack it and validate the folder.",
        ),
        Code.ARCHIVE_NOT_REACHED: _open(
            "",
            "what lies behind the place where the archive could not be read on was not reached; so nothing is called "
            "missing ({count} such findings were not made)",
            "Get another copy of the archive: this one cannot show which files are there. Those that were reached "
            "were judged.",
        ),
        # INCONCLUSIVE: there are honest files of zeros. Nothing was seen to be wrong, and not all was seen.
        Code.ARCHIVE_EXPANDS: _open(
            "5",
            "its {packed_bytes} bytes unpack to more than {limit_bytes} bytes; the rest was not read",
            "It may be made to fill a disk. If you trust its maker, unpack it where there is room and validate that.",
        ),
        Code.ARCHIVE_LIMIT: _open(
            "5",
            "more {what} than {limit}; the archive was not read on",
            "If you trust its maker, unpack it where there is room and validate the folder.",
        ),
        Code.UNSAFE_MEMBER: _bad(
            "5.1",
            "a member's name that must not be unpacked: {why}",
            "Do not unpack this archive: it could write outside its folder. Ask its maker what the member is.",
        ),
        Code.DUPLICATE_MEMBER: _bad(
            "",
            "the archive holds this name more than once, or as a file and a folder; the last one was judged",
            "Programs differ in which one they unpack. Ask the maker for an archive that holds each file once.",
        ),
        Code.HARD_LINK_MEMBER: _open(
            "",
            "stored as a hard link to another member, which is not followed",
            "Make the archive again with each file's own content (tar --hard-dereference).",
        ),
        Code.MEMBER_DAMAGED: _bad(
            "",
            "the archive's member is damaged: {why}",
            "Get another copy of the archive.",
        ),
        Code.MEMBER_HEADERS_DISAGREE: _bad(
            "",
            "the member's own header does not agree with the archive's directory: {what}",
            "Programs differ in which one they believe. Ask the maker for an archive made by another program.",
        ),
        Code.MEMBER_NAME_ENCODING: _warn(
            "",
            "the archive does not say rightly how this name is encoded; taken as {encoding}",
            "If the name looks wrong, the bag's manifests will not find it: make the archive again with UTF-8 names.",
        ),
        Code.SOURCE_EMPTY: _warn(
            "2.1.2", "there is no file in it; the bag's payload is empty", "Check that you named the right folder."
        ),
        Code.OXUM_NEEDED: _open(
            "2.2.2",
            "--fast compares the payload's size with Payload-Oxum, and bag-info.txt states none that can be used",
            "Validate without --fast: then every byte is read.",
        ),
        Code.SECOND_OPINION_DIFFERS: _warn(
            "",
            "{tool} says {verdict}; differences from this result: {differences}",
            "Our result stands. Look at the list of differences: most come of known limits of the other tool, "
            "which are told with it. Where one is not explained, look at that file yourself.",
        ),
        Code.SECOND_OPINION_MISSING: _warn(
            "",
            "{tool} gave no second opinion: {why}",
            "Our result stands, and nobody else has confirmed it. Where the reason is a fault in the bag, mend "
            "that first and ask again.",
        ),
        Code.IGNORED: _warn(
            "",
            "left out of the bag, as was asked: the pattern {pattern}",
            "Nothing, if that was meant. Otherwise make the bag again without this pattern; the source still has it.",
        ),
        Code.PATTERN_MET_NOTHING: _warn(
            "",
            "nothing has a name or path like the pattern {pattern}, so that it left nothing out",
            "Look whether it is written as it was meant: '*.tmp' for names at any depth, 'scans/*.tmp' for paths from "
            "the source's top. If so, nothing has to be done.",
        ),
        Code.HALF_MADE_BAG: _warn(
            "",
            "the source looks like a bag that another tool began and did not finish: {why}",
            "If it is one, move what lies in its data/ one folder up, delete that tool's manifests, and bag it again. "
            "If it is not, nothing need be done.",
        ),
        Code.EMPTY_FOLDER: _warn(
            "2.1.3",
            "an empty folder, which a bag's manifests cannot carry",
            "If the folder itself matters, make the bag again with `--empty-folders keep`.",
        ),
        Code.PROFILE_KEY_UNKNOWN: _warn(
            "",
            "the profile has a key that BagIt Profiles does not know, and nothing checked it: {key}",
            "Ask whoever made the profile what it means, and check that by hand.",
        ),
        Code.PROFILE_IDENTIFIER: _bad(
            "",
            "the line BagIt-Profile-Identifier: {identifier} is not there (BagIt Profiles){found}",
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
            "Ask the bag's maker for one that holds it; `preserve bag` writes no tag files but its own.",
        ),
        Code.PROFILE_TAG_FILE_NOT_ALLOWED: _bad(
            "",
            "a tag file that the profile does not allow (BagIt Profiles, Tag-Files-Allowed)",
            "Leave it out (`preserve bag --premis none` writes no PREMIS file), or have the profile allow it.",
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
