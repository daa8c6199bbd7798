"""Bags for tests, written byte by byte so that they can be wrong."""

import os
from hashlib import new
from pathlib import Path

from checks.evidence import Outcome
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.validating.linting import ADVICE
from preserve.bag.validating.validation import Validation, validate

DECLARED = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
DECLARED_0_97 = DECLARED.replace(b"1.0", b"0.97")


def hexed(content: bytes, algorithm: str = "sha256") -> bytes:
    return new(algorithm, content, usedforsecurity=False).hexdigest().encode()


class Bag:
    """A valid bag of two files; tests then break it."""

    def __init__(self, path: Path, declared: bytes = DECLARED) -> None:
        self.path = path
        self.files = {b"data/a.txt": b"alpha", b"data/sub/b.txt": b"beta"}
        for name, content in self.files.items():
            self.write(name, content)
        self.write(b"bagit.txt", declared)
        self.manifest()

    def write(self, name: bytes, content: bytes) -> Path:
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def lines(self, algorithm: str = "sha256") -> list[bytes]:
        return [hexed(content, algorithm) + b"  " + name for name, content in sorted(self.files.items())]

    def manifest(self, *more: bytes, algorithm: str = "sha256", lines: list[bytes] | None = None) -> None:
        content = b"".join(line + b"\n" for line in [*(self.lines(algorithm) if lines is None else lines), *more])
        self.write(b"manifest-%b.txt" % algorithm.encode(), content)

    def tag_manifest(self, *names: bytes, algorithm: str = "sha256", more: tuple[bytes, ...] = ()) -> None:
        named = names or tuple(
            os.fsencode(path.name) for path in sorted(self.path.iterdir()) if path.is_file() and "tagm" not in path.name
        )
        lines = [hexed((self.path / os.fsdecode(name)).read_bytes(), algorithm) + b"  " + name for name in named]
        content = b"".join(line + b"\n" for line in [*lines, *more])
        self.write(b"tagmanifest-%b.txt" % algorithm.encode(), content)

    def validated(self) -> Validation:
        return validate(os.fsencode(self.path))

    def found(self) -> list[Finding]:
        """What is said of it, without the advice that a bag of two files and a manifest calls for."""
        return [finding for finding in self.validated().findings if finding.code not in ADVICE]

    def seen(self) -> set[tuple[Code, bytes | None]]:
        return {(finding.code, finding.path) for finding in self.found()}

    def outcome(self) -> Outcome:
        return self.validated().outcome
