"""What a package should be, out of its copies alone: by what their manifests say, never by how many say it.

A payload manifest is believed where it is as the tag manifests say; all that the tag manifests say of one file must be
one thing, or only one of it is held by any copy. So a copy with a damaged line blames itself, and two copies that are
both right by themselves contradict each other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from checks.digesting import Pool, Reading
from checks.inventory import SEGMENT_BYTES, Entry, segment_count
from checks.names import pair_by_normalisation, show
from preserve.bag.tags import info
from preserve.bag.tags.manifests import Manifest, manifests_among
from preserve.errors import UsageError
from preserve.repair.bag_sizes import stated_sizes
from preserve.repair.found_bags import Claim, FoundBag

_UNMATCHABLE = bytes(32)  # the SHA-256 of no file that anybody has: what stands there is told as damaged


@dataclass(slots=True)
class Expectation:
    """The files of a version. `doubts` says of which of them the expectation is not proved, and why."""

    entries: list[Entry] = field(default_factory=list)
    uuid: UUID | None = None
    doubts: list[str] = field(default_factory=list)


class Expecting:
    """Works out one version of one package.

    Args:
        bags: all its copies; files are taken as good from any of them.
        authorities: those whose manifests are asked; all, or the one that a person trusts.
    """

    def __init__(self, bags: Sequence[FoundBag], authorities: Sequence[FoundBag], pool: Pool) -> None:
        self._bags = bags
        self._authorities = authorities
        self._pool = pool
        self._made = Expectation()
        self._claims: dict[bytes, Claim] = {}
        self._sizes: dict[bytes, int] = {}  # of payload files that are bad, as they lie

    def expectation(self) -> Expectation:
        """UsageError if copies contradict each other, or if nothing says what the payload should be."""
        algorithms = set().union(*(bag.algorithms for bag in self._bags))
        for bag in self._bags:
            bag.read_tag_files(algorithms)
        self._claims = self._agreed_tags()
        absent: dict[bytes, Claim] = {}
        for path, claim in self._claims.items():
            held = self._held(path, claim)
            if held is None:
                absent[path] = claim
            else:
                self._add(held)
        self._unlisted()
        absent |= self._payload(algorithms)
        if absent:
            self._good_nowhere(absent)
        self._made.entries.sort()
        self._made.uuid = next((bag.uuid for bag in self._authorities if bag.uuid and self._info_holds(bag)), None)
        return self._made

    def _add(self, reading: Reading) -> None:
        entry = Entry(reading.path, reading.size_bytes, reading.digests["sha256"], reading.segments)
        self._made.entries.append(entry)

    def _held(self, path: bytes, claim: Claim) -> Reading | None:
        return next((bag.seen[path] for bag in self._bags if fits(bag.seen.get(path), claim)), None)

    def _info_holds(self, bag: FoundBag) -> bool:
        return info.NAME not in self._claims or fits(bag.seen.get(info.NAME), self._claims[info.NAME])

    def _agreed_tags(self) -> dict[bytes, Claim]:
        """What the tag manifests say of each file, where they say one thing."""
        agreed: dict[bytes, Claim] = {}
        sound = [bag for bag in self._authorities if bag.tags]
        for path in sorted(set().union(*(bag.tags.keys() for bag in sound))):
            said = [bag.tags[path] for bag in sound if path in bag.tags]
            held = [claim for claim in said if self._held(path, claim) is not None]
            if not held and len(said) < len(sound):
                continue  # a damaged line: others list no such file, and nobody has it
            if held and self._is_elsewhere_unknown(path, sound):
                raise self._contradiction(path)
            agreed[path] = self._joined(path, held or said)
            if held and self._held(path, agreed[path]) is None:  # each is held, in algorithms that do not meet
                raise self._contradiction(path)
        self._refuse_unvouched(agreed)
        return agreed

    def _is_elsewhere_unknown(self, path: bytes, sound: Sequence[FoundBag]) -> bool:
        """Whether a copy neither lists the file nor has it: right by itself, as is the one that has it and lists it."""
        return any(path not in bag.tags and path not in bag.seen for bag in sound)

    def _refuse_unvouched(self, agreed: Mapping[bytes, Claim]) -> None:
        """A copy without tag manifests says what the payload is as well; one that has them must not overrule it."""
        vouched = [each.name for each in manifests_among(agreed) if each.of_payload]
        for bag in self._authorities:
            own = [each.name for each in bag.manifests if each.of_payload and each.name not in bag.faulty]
            if not bag.tags and any(name in bag.seen for name in own):
                for name in vouched:
                    if not fits(bag.seen.get(name), agreed[name]) and self._held(name, agreed[name]) is not None:
                        raise self._contradiction(name)

    def _joined(self, path: bytes, claims: Iterable[Claim]) -> Claim:
        joined: dict[str, bytes] = {}
        for claim in claims:
            for algorithm, digest in claim.items():
                if joined.setdefault(algorithm, digest) != digest:
                    raise self._contradiction(path)
        return joined

    def _contradiction(self, path: bytes) -> UsageError:
        named = ", ".join(sorted(bag.holder.name for bag in self._authorities))
        return UsageError(f"the copies on {named} contradict each other about {show(path)}")

    def _unlisted(self) -> None:
        """Tag files that no manifest lists: the tag manifests themselves, and what somebody laid beside them."""
        for name in sorted({name for bag in self._bags for name in bag.seen} - self._claims.keys()):
            manifest = next((each for each in manifests_among([name]) if not each.of_payload), None)
            asked = self._authorities
            if manifest is not None:
                asked = [bag for bag in asked if name in bag.seen and self._says_all(bag, manifest)]
            readings = [bag.seen.get(name) for bag in asked]
            contents = {None if each is None else (each.size_bytes, each.digests["sha256"]) for each in readings}
            first = next((each for each in readings if each is not None), None)
            if first is not None and len(contents) == 1:
                self._add(first)
            elif manifest is None:
                self._doubt(name, "listed in no manifest and not alike on all copies; told as untracked where it is")
            elif contents:
                raise self._contradiction(name)
            else:
                self._made.entries.append(Entry(name, 0, _UNMATCHABLE))
                self._doubt(name, "damaged on every copy, and nothing says what it was")

    def _says_all(self, bag: FoundBag, manifest: Manifest) -> bool:
        """Whether this copy's tag manifest says just what was agreed, in its algorithm."""

        def said(claims: Mapping[bytes, Claim]) -> dict[bytes, bytes]:
            return {path: claim[manifest.algorithm] for path, claim in claims.items() if manifest.algorithm in claim}

        return manifest.name not in bag.faulty and said(bag.tags) == said(self._claims)

    def _payload(self, algorithms: set[str]) -> dict[bytes, Claim]:
        """Reads the payload, each file until a copy of it is good; what is good nowhere, with what is said of it."""
        left = dict(self._said_of_payload())
        for bag in self._bags:
            missing = self._read(bag, {path: path for path in left}, left, algorithms)
            if missing:
                offered = (name for name in bag.payload_names() if name not in self._claims and name not in left)
                self._read(bag, pair_by_normalisation(missing, offered), left, algorithms)
        return left

    def _read(
        self,
        bag: FoundBag,
        names: Mapping[bytes, bytes],
        left: dict[bytes, Claim],
        algorithms: set[str],
    ) -> list[bytes]:
        """Takes what is good on this copy out of `left`; gives what is not there under its name."""
        missing: list[bytes] = []
        for reading in bag.readings(names, algorithms, self._pool):
            if fits(reading, left[reading.path]):
                self._add(reading)
                del left[reading.path]
            elif reading.missing:
                missing.append(reading.path)
            elif reading.sound:
                self._sizes.setdefault(reading.path, reading.size_bytes)
        return missing

    def _said_of_payload(self) -> Iterator[tuple[bytes, Claim]]:
        """The payload manifests that are as the tag manifests say; if there are none, what all copies say alike."""
        named = [(bag, self._vouched(bag)) for bag in self._bags]
        best, names = max(named, key=lambda pair: len(pair[1]))
        if names:
            with best.payload(names) as said:
                yield from said
        else:
            yield from self._said_alike()

    def _vouched(self, bag: FoundBag) -> list[bytes]:
        of_payload = (manifest.name for manifest in bag.manifests if manifest.of_payload)
        return [name for name in of_payload if fits(bag.seen.get(name), self._claims.get(name, {}))]

    def _said_alike(self) -> list[tuple[bytes, Claim]]:
        told: list[list[tuple[bytes, Claim]]] = []
        for bag in self._authorities:
            names = [manifest.name for manifest in bag.manifests if manifest.of_payload and manifest.name in bag.seen]
            with bag.payload(names) as said:
                told += [list(said)] if names else []
        for one, other in pairwise(told):
            for first, second in zip(one, other, strict=False):
                if first != second:
                    raise self._contradiction(min(first[0], second[0]))
            if len(one) != len(other):
                raise self._contradiction(max(one, other, key=len)[min(len(one), len(other))][0])
        if not told:
            raise UsageError("no copy has a payload manifest that can be read")
        if self._claims:
            self._made.doubts.append("no payload manifest is as its tag manifest says; what they all say was taken")
        return told[0]

    def _good_nowhere(self, absent: Mapping[bytes, Claim]) -> None:
        """Files that every copy has damaged: their digest is claimed, their size is told by the bag's PREMIS file."""
        stated = stated_sizes(self._bags, self._claims, absent)
        for path, claim in absent.items():
            lying = next((bag.seen[path].size_bytes for bag in self._bags if path in bag.seen), self._sizes.get(path))
            size = stated.get(path, lying)
            digest = claim.get("sha256", _UNMATCHABLE)
            if path not in stated:
                how = "as it lies" if lying is not None else "unknown"
                self._doubt(path, f"damaged on every copy; its size is {how}, for no record of it was found")
            if digest is _UNMATCHABLE:
                self._doubt(path, "damaged on every copy, and its SHA-256 stands nowhere")
            segments = (_UNMATCHABLE,) * segment_count(size or 0) if (size or 0) > SEGMENT_BYTES else ()
            self._made.entries.append(Entry(path, size or 0, digest, segments))

    def _doubt(self, path: bytes, why: str) -> None:
        self._made.doubts.append(f"{show(path)}: {why}")


def fits(reading: Reading | None, claim: Claim) -> bool:
    """Whether what was read is all that is claimed of it."""
    if reading is None or not reading.sound or not claim:
        return False
    return all(reading.digests.get(algorithm) == digest for algorithm, digest in claim.items())
