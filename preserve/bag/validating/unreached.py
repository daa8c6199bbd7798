"""What cannot be said of a bag in an archive that could not be read to its end: that something is not there."""

from collections.abc import Callable, Iterator

from checks.evidence import Outcome
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags import declaration
from preserve.bag.trees import Tree

_ABSENT = {
    Code.NOT_A_BAG,
    Code.PAYLOAD_FOLDER_MISSING,
    Code.MANIFEST_MISSING,
    Code.MISSING,
    Code.OXUM_MISMATCH,
    Code.OXUM_MISSING,
    Code.OXUM_NEEDED,
    Code.TAG_MANIFEST_MISSING,
    Code.TAG_FILE_UNLISTED,
    Code.PROFILE_MANIFEST_MISSING,
    Code.PROFILE_TAG_FILE_MISSING,
    Code.PROFILE_PAYLOAD_MISSING,
}
_OF_INFO = {Code.PROFILE_IDENTIFIER, Code.PROFILE_INFO_MISSING, Code.PROFILE_INFO_RECOMMENDED}
_INFO = {b"bag-info.txt", b"package-info.txt"}  # the second: before 0.96


def reached(findings: Iterator[Finding], tree: Tree, taken_back: Callable[[Finding], None]) -> Iterator[Finding]:
    """Passes on what holds whatever stands behind the damage; of all else one finding says that nobody knows.

    Args:
        taken_back: gets each finding that is not passed on.
    """
    top = {name for name, _, _ in tree.names_in(b"")}
    unknown = set(_ABSENT)
    if not top & _INFO:
        unknown |= _OF_INFO
    if declaration.NAME not in top:
        unknown.add(Code.PROFILE_VERSION)
    count = 0
    for finding in findings:
        if finding.code in unknown:
            count += finding.outcome is not Outcome.PASS
            taken_back(finding)
        else:
            yield finding
    if count:
        yield Finding(code=Code.ARCHIVE_NOT_REACHED, parameters={"count": f"{count:,}"})
