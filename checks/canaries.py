"""Canaries: files whose contents and digests are known beforehand, read as an archive's own files are.

An auditor that says "all good" proves nothing unless it would have said otherwise of what is not. So the good canaries
must be found good, one whose recorded digest is wrong on purpose must be found bad, and the good ones must be found bad
once a bit of them is turned on its way to the auditor. The digests are literals that another program made (coreutils'
sha256sum): nothing that is tested here had a part in them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from checks.evidence import Evidence, Outcome
from checks.findings import Code
from checks.inventory import Record
from checks.names import show
from checks.shards import Judgement

_FIRST_LINE = b"preserve reads this file to test itself. Leave it as it is.\n"


@dataclass(frozen=True, slots=True)
class Canary:
    """One of them. `sha256` is the digest of its content."""

    name: bytes
    size_bytes: int
    sha256: bytes

    def content(self) -> bytes:
        """A first line for people, then its own name with rising numbers, cut at its size."""
        return _content(self.name, self.size_bytes)


@cache
def _content(name: bytes, size_bytes: int) -> bytes:
    count = size_bytes // (len(name) + len(b" 00000000\n")) + 1
    lines = b"".join(b"%b %08d\n" % (name, number) for number in range(count))
    return (_FIRST_LINE + lines)[:size_bytes]


# Sizes at and beside what reading takes at once: a page, 64 KiB (read in one step up to there), a buffer of 1 MiB. From
# 256 KiB on, another thread reads. In the order of a record: by the names' bytes.
GOOD: tuple[Canary, ...] = (
    Canary(
        b"buffer-and-one.txt",
        (1 << 20) + 1,
        bytes.fromhex("dca09ccd8a22d5e4557e767d89abaef002a4b44866b46499829fcc932f543dc9"),
    ),
    Canary(b"one-byte.txt", 1, bytes.fromhex("148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940")),
    Canary(
        b"page-less-one.txt", 4095, bytes.fromhex("2093af294d129bf96f51e7b7f0bf5a2c622d262a38aea364a61bc6af25288bd9")
    ),
    Canary(b"page.txt", 4096, bytes.fromhex("57567df727bc935662e875a2d1349d2ddc4536edc72120b14f3466e2158b99e6")),
    Canary(
        "សាកល្បង.txt".encode(),
        (64 << 10) + 1,
        bytes.fromhex("8680449588256faa73562fcc03213fde31ade1c793c7cb5bdf7d42cbd5e088df"),
    ),
)
WRONG = Canary(
    b"wrong-on-purpose.txt", 4096, bytes.fromhex("156974944f3260f227476e47d6125c246317ebe06b41196bb07f3f5ebf864b61")
)
# What is recorded of it: another digest in its very last bit, so that comparing a part of it would not do.
WRONG_DIGEST = bytes.fromhex("156974944f3260f227476e47d6125c246317ebe06b41196bb07f3f5ebf864b60")
CANARIES: tuple[Canary, ...] = (*GOOD, WRONG)
GOOD_ROOT = bytes.fromhex(
    "58e04f0f3413dd4bc44b81a5e6ad72f26dbd08bcc2e8a598801924c165a98793"
)  # of `record(GOOD)` (RFC 6962 §2.1)


def record(canaries: Sequence[Canary] = CANARIES) -> Record:
    """These canaries as a shard of a package; of WRONG stands there what is not so."""
    chosen = sorted(canaries, key=lambda canary: canary.name)
    return Record(
        start=b"",
        stop=b"",
        paths=[canary.name for canary in chosen],
        sizes=[canary.size_bytes for canary in chosen],
        digests=[WRONG_DIGEST if canary is WRONG else canary.sha256 for canary in chosen],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What must come of one reading.

    Attributes:
        bad: the canaries that must be found to have other content, each with the digest that must be seen.
        weak: whether the evidence is below what is required; then nothing may pass.
    """

    record: Record
    root: bytes
    bad: Mapping[bytes, bytes] = field(default_factory=dict)
    weak: bool = False


def as_recorded(canaries: Sequence[Canary] = CANARIES) -> Trial:
    """The trial of reading these as they lie on the medium."""
    columns = record(canaries)
    root = GOOD_ROOT if tuple(canaries) == GOOD else columns.root()
    return Trial(record=columns, root=root, bad={WRONG.name: WRONG.sha256} if WRONG in canaries else {})


def judge(judgement: Judgement, trial: Trial | None = None) -> str:
    """Empty if a reading came to just what it must, else why not, for people."""
    trial = trial or as_recorded()
    seen = {finding.path: finding for finding in judgement.findings}
    if surprise := [f for path, f in seen.items() if path not in trial.bad and f.code is not Code.WEAK_EVIDENCE]:
        return f"{_name(surprise[0].path)} was judged {surprise[0].code.value}, and its content is right"
    if missed := [name for name in trial.bad if name not in seen]:
        return f"{_name(missed[0])} has other content than is recorded of it, and that was not found"
    for name, digest in trial.bad.items():
        observed = seen[name].parameters.get("observed")
        if seen[name].code is not Code.DIGEST_MISMATCH:
            return f"{_name(name)} has other content, and was judged {seen[name].code.value}"
        if not isinstance(observed, dict) or observed.get("sha256") != digest.hex():
            return f"another digest was computed of {_name(name)} than its content has"
    return _sums(judgement, trial)


def _sums(judgement: Judgement, trial: Trial) -> str:
    """What is said of all together."""
    bad, files = len(trial.bad), len(trial.record.paths)
    if trial.weak != any(finding.code is Code.WEAK_EVIDENCE for finding in judgement.findings):
        return f"evidence that is too weak was {'taken for enough' if trial.weak else 'said of what was read'}"
    outcome = Outcome.FAIL if bad else Outcome.INCONCLUSIVE if trial.weak else Outcome.PASS
    if judgement.outcome is not outcome:
        return f"the outcome was {judgement.outcome.value} where it must be {outcome.value}"
    if (judgement.good, judgement.bad, judgement.unread) != (files - bad, bad, 0):
        return f"{judgement.good} good, {judgement.bad} bad, {judgement.unread} unread were counted of {files}"
    if (judgement.observed_root == trial.root) is bool(bad):
        return "the root that was computed is not that of what was read"
    if judgement.bytes_read < sum(trial.record.sizes):
        return f"{judgement.bytes_read:,} bytes were read of {sum(trial.record.sizes):,}"
    if not trial.weak and judgement.evidence < Evidence.READ:
        return f"it is known only as {judgement.evidence.label}"
    return ""


def own_answers() -> str:
    """Whether this machine computes the known digests of known contents itself; empty, or why not."""
    for canary in CANARIES:
        if hashlib.sha256(canary.content()).digest() != canary.sha256:
            return f"SHA-256 of the content of {_name(canary.name)} is computed wrongly"
    if record(GOOD).root() != GOOD_ROOT:
        return "the tree hash over known digests is computed wrongly"
    return ""


def _name(path: bytes | None) -> str:
    return "all of it" if path is None else show(path)
