"""What must hold of every input, however wrong: see `Judging`."""

import json
import os
import re
import time
import traceback
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from hashlib import blake2b, blake2s, new
from io import BytesIO, TextIOWrapper
from itertools import islice, zip_longest
from random import Random
from string import Formatter

from blake3 import blake3

from checks.algorithms import DIGEST_BYTES
from checks.evidence import Outcome
from checks.findings import Severity
from preserve.app.bag_views import validation_view
from preserve.bag import Depth, Validation, Validator, read
from preserve.bag.profiles import loading
from preserve.cli.exits import status_of
from preserve.cli.main import main
from preserve.errors import PreserveError, UsageError
from reports import validation
from tests.campaigns.fuzzing_bags import Subject

_MOST_LOOKED_AT = 20_000  # findings, one by one; of a million the rest is like these
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_STATUSES = {"pass": 0, "fail": 1, "inconclusive": 3}


class Fault(AssertionError):
    """A requirement does not hold."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How an input ended; `fault` is empty where everything holds. `cpu_seconds` are those of one validation."""

    outcome: str
    findings: int = 0
    fault: str = ""
    cpu_seconds: float = 0.0


def judge(subject: Subject, rng: Random, *, thorough: bool | None = None) -> Judged:
    """No exception but ours; an outcome that its findings bear out and that the bytes on disk allow; findings that can
    be told, twice and in JSON; some of the time also: the same once more, weaker depths, `read`, and the command.
    """
    try:
        return _judged(subject, rng, thorough)
    except Fault as fault:
        return Judged("fault", fault=str(fault))
    except Exception:  # noqa: BLE001 - this is what is looked for
        return Judged("fault", fault=traceback.format_exc(limit=-12))


def _judged(subject: Subject, rng: Random, thorough: bool | None) -> Judged:
    def sometimes(part: float) -> bool:
        return rng.random() < part if thorough is None else thorough

    began = time.process_time()
    try:
        result = _validated(subject, Depth.FULL)
    except PreserveError as error:
        _must(subject.profile is not None and isinstance(error, UsageError), f"damage is raised: {error!r}")
        _must(bool(error.message) and _tellable(error.message.replace("\n", "")), f"cannot be told: {error.message!r}")
        if sometimes(0.1):
            _command(subject, status_of(error), None)
        return Judged(type(error).__name__)
    cpu_seconds = time.process_time() - began
    _outcome(result)
    _findings(result)
    if result.outcome is Outcome.PASS:
        _not_false(subject.bag, result)
    if sometimes(0.1):
        again = _validated(subject, Depth.FULL)
        pairs = zip_longest(result.findings, again.findings)
        differing = [f"{a!r} / {b!r}" for a, b in islice(((a, b) for a, b in pairs if a != b), 3)]
        _must(not differing, f"says other things the second time: {differing}")
    if sometimes(0.15):
        for depth in (Depth.FAST, Depth.COMPLETENESS):
            weaker = _validated(subject, depth)
            _outcome(weaker)
            _findings(weaker)
    if sometimes(0.2):
        _read(subject.bag)
    if sometimes(0.05):
        _command(subject, _STATUSES[result.outcome.value], result)
    return Judged(result.outcome.value, len(result.findings), cpu_seconds=cpu_seconds)


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Fault(otherwise)


def _validated(subject: Subject, depth: Depth) -> Validation:
    profile = None if subject.profile is None else loading.load(subject.profile)
    return Validator(subject.bag, depth=depth, profile=profile).result()


def _outcome(result: Validation) -> None:
    """As the table of codes says, worked out again: FAIL before INCONCLUSIVE before PASS."""
    made = {finding.code.meaning.outcome for finding in islice(result.findings, _MOST_LOOKED_AT)}
    made |= {code.meaning.outcome for code in result.findings.codes}
    wanted = next((each for each in (Outcome.FAIL, Outcome.INCONCLUSIVE) if each in made), Outcome.PASS)
    _must(result.outcome is wanted, f"{result.outcome} where its findings make it {wanted}")
    errors = result.findings.severities[str(Severity.ERROR)]
    _must(bool(errors) == (wanted is not Outcome.PASS), f"{errors} errors and {wanted}")
    _must(sum(result.findings.codes.values()) == len(result.findings), "counts findings wrongly")
    _must(bool(result.verdict), "no verdict")


def _findings(result: Validation) -> None:
    """The same twice; complete sentences that move no cursor; strict JSON in UTF-8."""
    twice = zip_longest(result.findings, result.findings)
    _must(all(one == other for one, other in islice(twice, _MOST_LOOKED_AT)), "is not the same gone through twice")
    view = validation_view(b"bag", result)
    _strict(validation.head(view))
    for finding, line in islice(zip(result.findings, validation.lines(view), strict=True), _MOST_LOOKED_AT):
        _strict(line)
        wanted = {field for _, field, _, _ in Formatter().parse(finding.code.meaning.sentence) if field}
        _must(wanted <= {*finding.parameters}, f"{finding.code}: no {wanted - {*finding.parameters}}")
        _must(_tellable(finding.message), f"{finding.code}: cannot be told: {finding.message!r}")
        _must(finding.line is None or finding.line > 0, f"{finding.code}: line {finding.line}")


def _tellable(message: str) -> bool:
    """Nothing in it moves a cursor, turns the direction of writing, or cannot be encoded."""
    unseen = any(unicodedata.category(c) in _UNSEEN for c in message) if not message.isprintable() else False
    return not unseen and len(message) < 1_000_000


def _strict(value: object) -> None:
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")


def _not_false(bag: bytes, result: Validation) -> None:
    """A pass needs the digest of every payload file in a manifest; compared as bytes, whatever the file says else."""
    if not os.path.isdir(bag):
        return
    known = [name for name in result.algorithms if name in DIGEST_BYTES]
    with os.scandir(bag) as entries:
        names = [entry.path for entry in entries if entry.name.lower().startswith(b"manifest-") and entry.is_file()]
    listed = b"".join(map(_content, names)).replace(b"\0", b"").lower()
    for folder, _, files in os.walk(os.path.join(bag, b"data")):
        for name in files:
            content = _content(os.path.join(folder, name))
            _must(
                any(_digest(content, algorithm) in listed for algorithm in known),
                f"passes, and no manifest has the digest of {name!r}",
            )


def _content(path: bytes) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _digest(content: bytes, algorithm: str) -> bytes:
    if algorithm == "blake3":
        return blake3(content).hexdigest().encode()
    if cut := re.fullmatch("(blake2[bs])([0-9]+)", algorithm):
        make = blake2b if cut[1] == "blake2b" else blake2s
        return make(content, digest_size=int(cut[2]) // 8).hexdigest().encode()
    name = {"sha3256": "sha3_256", "sha512256": "sha512_256", "md5sha1": "md5-sha1"}.get(algorithm, algorithm)
    return new(name, content, usedforsecurity=False).hexdigest().encode()


def _read(bag: bytes) -> None:
    try:
        told = read(bag)
    except PreserveError:
        return
    for file in (*islice(told.files(), _MOST_LOOKED_AT), *islice(told.tag_files(), _MOST_LOOKED_AT)):
        _must(bool(file.path), "lists a file without a name")


def _command(subject: Subject, status: int, result: Validation | None) -> None:
    """The command ends with the status that stands for the outcome, in JSON and in words, without a traceback."""
    profile = [] if subject.profile is None else ["--profile", os.fsdecode(subject.profile)]
    for as_json in (True, False):
        with _captured() as (out, err):
            ended = main(["validate", os.fsdecode(subject.bag), *profile, *(["--json"] if as_json else [])])
        told = out.getvalue().decode("utf-8"), err.getvalue().decode("utf-8")
        _must(ended == status, f"ends with {ended}, not {status}: {told[1][-500:]}")
        _must("Traceback" not in told[0] + told[1], "shows a traceback")
        if as_json and result is not None:
            document = json.loads(told[0])
            _must(document["outcome"] == result.outcome.value, f"JSON says {document['outcome']}")
            _must(len(document["findings"]) == len(result.findings), "JSON has other findings")


@contextmanager
def _captured() -> Iterator[tuple[BytesIO, BytesIO]]:
    """Standard output and error as bytes, encoded as strictly as a program's are."""
    raw = BytesIO(), BytesIO()
    out, err = (TextIOWrapper(each, encoding="utf-8", write_through=True) for each in raw)
    with redirect_stdout(out), redirect_stderr(err):
        yield raw
    out.detach()
    err.detach()
