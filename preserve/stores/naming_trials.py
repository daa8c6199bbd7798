"""Which names a file system could not hold, or would change: tried for real on it, in a folder of ours.

What a mount option, a server in between or a new kernel makes of names stands in no table. So names are made there,
listed again as bytes and taken away, before the first byte of a copy is written. A name stands for all that differ from
it in plain letters and digits only, and where there are very many, its clusters of characters stand for it. Where a
file system changes even the plainest long name (8.3, all in small letters), every name is tried as it is.
"""

import errno
import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from checks.names import show
from preserve.stores.durable import writing
from preserve.stores.trial_folders import alone, empty, names, refusal, trial_folder

_MOST = 5_000  # names tried as they are
_AT_ONCE = 500  # files in the trial's folder
_SAFE_BYTES = 100  # no file system of today takes fewer
_PLAIN = re.compile(r"[A-Za-z0-9]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?\Z", re.IGNORECASE)  # Windows' devices
_CLUSTER = re.compile(r"[ᄀ-ᇿ]+|.", re.DOTALL)  # Hangul is composed of jamo that are no marks
_WORDS = {
    errno.ENAMETOOLONG: "the name is too long for this file system",
    errno.EINVAL: "this file system cannot hold a name with these characters",
    errno.EILSEQ: "this file system cannot hold a name with these characters",
}
_PROBE = "Not only 8 small Letters.html"  # where this is another name afterwards, each one is tried as it is
_TWINS = (("xa", "xA"), ("xж", "xЖ"), ("xé", "xe\u0301"))


def unfit(root: bytes, paths: Sequence[bytes]) -> Mapping[bytes, str]:
    """The paths (from the replica's root) that it could not hold as they are, and why, for people.

    Nothing is left there but what a killed run leaves, and the next one takes that away.

    Raises:
        UndeterminedError: it cannot be tried: the disk is full, locked against writing, or gone.
    """
    with trial_folder(root) as folder:
        faults = _faults(folder, {part for path in paths for part in path.split(b"/")})
        together = _together(folder, paths)
    there = _spelled_otherwise(root, {path.partition(b"/")[0] for path in paths})
    told: dict[bytes, str] = {}
    for path in paths if faults or together or there else ():
        if why := _why(path, faults, together, there):
            told[path] = why
    return told


def _why(path: bytes, faults: Mapping[bytes, str], together: Mapping[bytes, str], there: Mapping[bytes, str]) -> str:
    parts = path.split(b"/")
    for part in parts:
        if part in faults:
            return f"{show(part)}: {faults[part]}"
    if parts[0] in there:
        return there[parts[0]]
    prefixes = (b"/".join(parts[: number + 1]) for number in range(len(parts))) if together else iter(())
    return next((together[prefix] for prefix in prefixes if prefix in together), "")


# ---- one name by itself ------------------------------------------------------------------------------------------


def _faults(folder: int, parts: Collection[bytes]) -> Mapping[bytes, str]:
    """The parts that it refuses or changes, and why."""
    odd = bool(_tried(folder, [_PROBE]))
    texts = {part: part.decode("utf-8", "surrogateescape") for part in parts if odd or not _surely_fits(part)}
    shapes = {part: {text if odd else _shape(text)} for part, text in texts.items()}
    if not odd and len(set().union(*shapes.values())) > _MOST:
        shapes = {part: set(_atoms(text)) for part, text in texts.items()}
    bad = _tried(folder, set().union(*shapes.values()))
    found = {part: bad[shape] for part, stands_for in shapes.items() for shape in stands_for & bad.keys()}
    return {**_too_long(folder, parts, found), **found}


def _surely_fits(part: bytes) -> bool:
    """Letters, digits, `_` and `-`, with single dots between them: what every file system holds."""
    plain = re.fullmatch(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", part) is not None
    return plain and len(part) <= _SAFE_BYTES and not _RESERVED.match(part.decode())


def _shape(text: str) -> str:
    """The name with each run of plain letters and digits made one `x`; what is reserved stays as it is."""
    return text if _RESERVED.match(text) else _PLAIN.sub("x", text)


def _atoms(text: str) -> Iterator[str]:
    """Each character with the marks after it, and how the name begins and ends."""
    if _RESERVED.match(text):
        yield text
    clusters = list[str]()
    for piece in _CLUSTER.findall(_PLAIN.sub("x", text)):
        if clusters and unicodedata.combining(piece[0]):
            clusters[-1] += piece
        else:
            clusters.append(piece)
    for cluster in clusters:
        yield f"x{cluster}x"
    yield f"{clusters[0]}x"
    yield f"x{clusters[-1]}"


def _tried(folder: int, shapes: Iterable[str]) -> dict[str, str]:
    """Those that cannot be made, or are listed under another name, and why."""
    bad: dict[str, str] = {}
    for some in _batches(sorted(shapes)):
        made = {name: os.fsencode(name) for name in some}
        refused = {name for name, raw in made.items() if refusal(folder, raw) is not None}
        listed = names(folder)
        for name, raw in made.items():
            doubted = name in refused or raw not in listed  # perhaps because of another in this batch
            if doubted and (why := _tried_alone(folder, raw)):
                bad[name] = why
        empty(folder)
    return bad


def _batches(shapes: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(shapes)
    while some := list(islice(waiting, _AT_ONCE)):
        yield some


def _tried_alone(folder: int, name: bytes) -> str:
    with alone(folder) as inner:
        error = refusal(inner, name)
        if error is not None:
            return _WORDS.get(error.errno or 0, f"this file system refuses the name ({error.strerror})")
        listed = names(inner)
    if name in listed:
        return ""
    (other,) = listed or {b""}
    same = unicodedata.normalize("NFC", os.fsdecode(other)) == unicodedata.normalize("NFC", os.fsdecode(name))
    how = "with its accents coded otherwise (Unicode normalisation)" if same else f"as {show(other)}"
    return f"this file system would keep the name {how}"


def _too_long(folder: int, parts: Iterable[bytes], known: Collection[bytes]) -> dict[bytes, str]:
    """One name of each length is tried, as it is. Limits are of bytes or of UTF-16 units."""
    of_length: dict[tuple[int, int], list[bytes]] = {}
    for part in parts:
        if len(part) > _SAFE_BYTES and part not in known:
            units = len(part.decode("utf-8", "surrogateescape").encode("utf-16-le", "surrogatepass")) // 2
            of_length.setdefault((len(part), units), []).append(part)
    bad: dict[bytes, str] = {}
    for alike in of_length.values():
        if why := _tried_alone(folder, alike[0]):
            bad |= dict.fromkeys(alike, why)
    return bad


# ---- names that fall together ------------------------------------------------------------------------------------


def _together(folder: int, paths: Sequence[bytes]) -> dict[bytes, str]:
    """Paths, and folders above them, that would be one file with another of them."""
    if not any(_are_one(folder, one, other) for one, other in _TWINS):
        return {}
    first, twice = dict[int, int](), set[int]()
    for path in _with_folders(paths):
        key, itself = hash(_folded(path)), hash(path)
        if first.setdefault(key, itself) != itself:
            twice.add(key)
    alike: dict[int, set[bytes]] = {}
    for path in _with_folders(paths) if twice else ():
        if (key := hash(_folded(path))) in twice:
            alike.setdefault(key, set()).add(path)
    told: dict[bytes, str] = {}
    known: dict[tuple[str, str], bool] = {}
    for group in alike.values():
        one, *others = sorted(group)
        for other in others:
            if _one_path(folder, one, other, known):
                told[other] = f"this file system takes {show(other)} and {show(one)} for one name"
                told.setdefault(one, f"this file system takes {show(one)} and {show(other)} for one name")
    return told


def _with_folders(paths: Iterable[bytes]) -> Iterator[bytes]:
    """Each path and the folders above it; those that it shares with the path before it are not told again."""
    before = b""
    for path in paths:
        shared = _shared(before, path)
        at = path.find(b"/", shared + 1)
        while at >= 0:
            yield path[:at]
            at = path.find(b"/", at + 1)
        yield path
        before = path


def _shared(one: bytes, other: bytes) -> int:
    """Where the last slash is of what two paths have in common at their beginning; -1 without one."""
    return other.rfind(b"/", 0, _same(one, other))


def _same(one: Sequence[object], other: Sequence[object]) -> int:
    """How many characters two names have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (here, there) in enumerate(pairs) if here != there), min(len(one), len(other)))


def _folded(path: bytes) -> str:
    """What a file system that folds case and normalises may take for the same; more is alike here than anywhere."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFD", os.fsdecode(path)).casefold())


def _one_path(folder: int, one: bytes, other: bytes, known: dict[tuple[str, str], bool]) -> bool:
    """Whether each part of one is one name there with the same part of the other; tried once for each difference."""
    pairs = zip(os.fsdecode(one).split("/"), os.fsdecode(other).split("/"), strict=False)
    for parts in pairs:
        if parts[0] != parts[1] and (tried := _difference(*parts)) not in known:
            known[tried] = _are_one(folder, *(tried if len(known) < _MOST else _TWINS[0]))
        if parts[0] != parts[1] and not known[tried]:
            return False
    return True


def _difference(one: str, other: str) -> tuple[str, str]:
    """Two names without what they have in common at their beginning and end."""
    start = _same(one, other)
    one, other = one[start:], other[start:]
    end = _same(one[::-1], other[::-1])
    return f"x{one[: len(one) - end]}x", f"x{other[: len(other) - end]}x"


def _are_one(folder: int, one: str, other: str) -> bool:
    with alone(folder) as inner:
        if refusal(inner, os.fsencode(one)) is not None:
            return False
        error = refusal(inner, os.fsencode(other))
        return len(names(inner)) < 2 if error is None else error.errno == errno.EEXIST


def _spelled_otherwise(root: bytes, firsts: Collection[bytes]) -> dict[bytes, str]:
    """Names in the replica's root under which something stands that is called otherwise there."""
    with writing(root):
        standing = set(os.listdir(root))
        found = [name for name in firsts if name not in standing and os.path.lexists(os.path.join(root, name))]
    return {name: f"this file system takes {show(name)} for a name that stands there already" for name in found}
