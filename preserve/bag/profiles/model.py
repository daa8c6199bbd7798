"""A BagIt profile as frozen values: what an archive and its partners agreed that a bag must be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from preserve.bag.profiles.names import NameRules

IDENTIFIER = "BagIt-Profile-Identifier"

# Several names are in use for the same format; IANA registers only some of them.
_FORMATS = (
    frozenset({"application/zip", "application/x-zip", "application/x-zip-compressed"}),
    frozenset({"application/tar", "application/x-tar"}),
    frozenset(
        {
            *("application/gzip", "application/x-gzip", "application/tar+gzip", "application/x-gtar"),
            *("application/x-tgz", "application/x-compressed-tar", "application/x-tar-gz"),
        }
    ),
    frozenset({"application/x-bzip2", "application/bzip2", "application/x-bzip", "application/x-bzip-compressed-tar"}),
    frozenset({"application/x-xz", "application/xz", "application/x-xz-compressed-tar"}),
)


class Serialization(StrEnum):
    """Whether a bag must, may or must not be one file (zip, tar)."""

    FORBIDDEN = "forbidden"
    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRule:
    """What holds for one label of bag-info.txt. Without `values`, any value will do."""

    label: str
    required: bool = False
    recommended: bool = False
    repeatable: bool = True
    values: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmRules:
    """Which manifests must and may be there, as normalised algorithms. `allowed` None: all are."""

    required: tuple[str, ...] = ()
    allowed: frozenset[str] | None = None

    def allow(self, algorithm: str) -> bool:
        """Whether a manifest of that normalised algorithm may be in the bag."""
        return self.allowed is None or algorithm in self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile (BagIt Profiles 1.1 to 1.4; a rule of a later version than the profile names holds nevertheless).

    `info` is by label in lower case, since labels are told apart without regard to case (RFC 8493 §2.2.2).
    `unknown` are keys that the specification does not know: nothing checks what they ask for.
    """

    identifier: str
    version: str = ""
    specification: tuple[int, ...] = (1, 1, 0)
    organization: str = ""
    description: str = ""
    info: Mapping[str, TagRule] = field(default_factory=lambda: MappingProxyType({}))
    manifests: AlgorithmRules = AlgorithmRules()
    tag_manifests: AlgorithmRules = AlgorithmRules()
    tag_files: NameRules = field(default_factory=NameRules)
    payload_files: NameRules = field(default_factory=NameRules)
    allow_fetch: bool = True
    require_fetch: bool = False
    data_empty: bool = False
    serialization: Serialization = Serialization.OPTIONAL
    formats: tuple[str, ...] = ()  # MIME types in lower case; none: any
    versions: tuple[str, ...] = ()  # of BagIt
    unknown: tuple[str, ...] = ()

    def accepts(self, media_type: str) -> bool:
        """Whether a bag may be serialised as this MIME type, or as another name of the same format."""
        wanted = media_type.lower()
        same = next((names for names in _FORMATS if wanted in names), frozenset({wanted}))
        return not self.formats or not same.isdisjoint(self.formats)
