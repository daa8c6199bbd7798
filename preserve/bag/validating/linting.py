"""What is allowed and yet a warning: what RFC 8493 advises against, and what does not survive other systems.

Names are looked at a folder at a time, all at once: of hundreds of thousands, hardly any has something to say.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import groupby, islice

from checks.algorithms import WEAK
from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.declaration import NAME as DECLARATION
from preserve.bag.tags.declaration import Declaration
from preserve.bag.tags.info import OXUM, InfoEntry, name_of
from preserve.bag.tags.manifests import Manifest
from preserve.bag.tags.paths import V1_0, Version
from preserve.ordering import Sorter

# Said of a bag as a whole and of nothing in it; a bag can be as good as its makers could make it and have them all.
ADVICE = frozenset(
    {
        Code.VERSION_OLD,
        Code.ENCODING_DISCOURAGED,
        Code.TAG_MANIFEST_MISSING,
        Code.TAG_ALGORITHMS_DIFFER,
        Code.ALGORITHM_WEAK,
        Code.ALGORITHM_UNREGISTERED,
        Code.OXUM_MISSING,
    }
)

# IANA's Named Information Hash Algorithm Registry, normalised; RFC 8493 §2.4 adds MD5 and SHA-1.
_REGISTERED = {
    *("md5", "sha1", "sha256", "sha384", "sha512", "sha3224", "sha3256", "sha3384", "sha3512"),
    *("blake2s256", "blake2b256", "blake2b512", "blake2b", "blake2s", "k12256", "k12512"),
}
_ONCE = ("Bagging-Date", "Bag-Size", "Bag-Group-Identifier", "Bag-Count")

_NAMED = 5  # of many alike
_AT_ONCE = 50_000  # names of a folder; of more, twins are found by sorting
_SYSTEM = frozenset(
    {
        *(b".ds_store", b".spotlight-v100", b".trashes", b".fseventsd", b".temporaryitems", b".apdisk"),
        *(b".appledouble", b".documentrevisions-v100", b"__macosx", b"thumbs.db", b"ehthumbs.db", b"desktop.ini"),
        *(b"$recycle.bin", b"system volume information", b".directory", b".trash-1000"),
    }
)
_NOT_ON_WINDOWS = b'<>:"|?*\\' + bytes(range(1, 32))
_RESERVED = re.compile(rb"(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|\Z)")
_ANY_RESERVED = re.compile(rb"\0(?:con|prn|aux|nul|com[1-9]|lpt[1-9])[.\0]")


def of_bag(declared: Declaration, payload: Sequence[Manifest], tags: Sequence[Manifest]) -> Iterator[Finding]:
    """Advice on the bag as a whole: version, encoding, algorithms (RFC 8493 §2.1.1, §2.2.1, §2.3, §2.4)."""
    if declared.version < V1_0:
        yield Finding(code=Code.VERSION_OLD, file=DECLARATION, line=1, parameters={"version": declared.stated})
    if declared.codec not in ("utf-8", "ascii"):
        encoding = {"encoding": show(declared.encoding.encode())}
        yield Finding(code=Code.ENCODING_DISCOURAGED, file=DECLARATION, line=2, parameters=encoding)
    for manifest in (*payload, *tags):
        if manifest.name != manifest.normalised_name and declared.version >= V1_0:
            parameters: dict[str, object] = {"name": show(manifest.normalised_name)}
            yield Finding(code=Code.MANIFEST_NAME, file=manifest.name, path=manifest.name, parameters=parameters)
        if manifest.algorithm not in _REGISTERED and manifest.digest_bytes:
            parameters = {"algorithm": show(manifest.algorithm.encode())}
            yield Finding(
                code=Code.ALGORITHM_UNREGISTERED, file=manifest.name, path=manifest.name, parameters=parameters
            )
    used, used_for_tags = ({manifest.algorithm for manifest in each} for each in (payload, tags))
    yield from _of_weakness(used)
    if payload and not tags:
        yield Finding(code=Code.TAG_MANIFEST_MISSING)
    elif payload and used != used_for_tags and declared.version >= V1_0:
        both = {"payload": _listed(used), "tags": _listed(used_for_tags)}
        yield Finding(code=Code.TAG_ALGORITHMS_DIFFER, parameters=both)


def of_algorithms(algorithms: Iterable[str]) -> Iterator[Finding]:
    """Advice on those of a bag that is going to be made, by their normalised names; `of_bag` says the same of it."""
    used = set(algorithms)
    for algorithm in sorted(used - _REGISTERED):
        yield Finding(code=Code.ALGORITHM_UNREGISTERED, parameters={"algorithm": algorithm})
    yield from _of_weakness(used)


def _of_weakness(used: set[str]) -> Iterator[Finding]:
    if used and used <= WEAK:
        yield Finding(code=Code.ALGORITHM_WEAK, parameters={"algorithms": _listed(used)})


def of_info(entries: Sequence[InfoEntry], version: Version) -> Iterator[Finding]:
    """Advice on bag-info.txt: what should stand there once, and what should not be missing (RFC 8493 §2.2.2)."""
    file = name_of(version)
    seen: set[str] = set()
    once = {label.lower(): label for label in _ONCE} if version >= V1_0 else {}
    for entry in entries:
        label = entry.label.lower()
        if label in once and label in seen:
            yield Finding(code=Code.INFO_REPEATED, file=file, line=entry.line, parameters={"label": once[label]})
        seen.add(label)
    if "bag-count" in once and "bag-count" in seen and "bag-group-identifier" not in seen:
        line = next(entry.line for entry in entries if entry.has("Bag-Count"))
        yield Finding(code=Code.BAG_COUNT_ALONE, file=file, line=line)
    if OXUM.lower() not in seen:
        yield Finding(code=Code.OXUM_MISSING)


def of_folder(folder: bytes, names: Iterable[bytes], say: Callable[[Finding], None]) -> None:
    """Says what does not survive other systems among the names of one folder; those of folders may end in `/`."""
    following = iter(names)
    first = list(islice(following, _AT_ONCE))
    if len(first) < _AT_ONCE:
        _of_names(folder, first, say, twins=True)
        return
    with closing(Sorter()) as folded:
        while first:
            _of_names(folder, first, say, twins=False)
            for name in first:
                folded.add(_folded(name.removesuffix(b"/")) + b"\0" + name.removesuffix(b"/"))
            first = list(islice(following, _AT_ONCE))
        for _, alike in groupby(folded, key=lambda record: record.partition(b"\0")[0]):
            same = [record.partition(b"\0")[2] for record in alike]
            if len(same) > 1:
                _twins(folder, b"\0" + b"\0".join(same) + b"\0", say)


def _folded(name: bytes) -> bytes:
    """Equal for names that differ in case or normalisation only."""
    if name.isascii():
        return name.lower()
    composed = unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape"))
    return unicodedata.normalize("NFC", composed.casefold()).encode("utf-8", "surrogateescape")


def _of_names(folder: bytes, names: Sequence[bytes], say: Callable[[Finding], None], *, twins: bool) -> None:
    """A few passes in C over all names at once; names are looked at one by one only where there is something to say."""
    whole = (b"\0" + b"\0".join(names) + b"\0").replace(b"/\0", b"\0")
    if len(whole) == 2:
        return
    lowered = whole.lower()
    listed = lowered[1:-1].split(b"\0")
    distinct = set(listed)
    if twins and (len(distinct) != len(listed) or not whole.isascii()):
        _twins(folder, whole, say)
    if b"\0." in whole or not _SYSTEM.isdisjoint(distinct):
        _alike(Code.SYSTEM_FILES, folder, filter(_is_system, _split(whole)), say)
    if (
        b".\0" in whole
        or b" \0" in whole
        or len(whole.translate(None, _NOT_ON_WINDOWS)) != len(whole)
        or _ANY_RESERVED.search(lowered)
    ):
        _alike(Code.NAMES_NOT_PORTABLE, folder, filter(_not_portable, _split(whole)), say)
    if folder and DECLARATION in distinct:
        say(Finding(code=Code.BAG_IN_BAG, path=folder))


def _split(whole: bytes) -> list[bytes]:
    return whole[1:-1].split(b"\0")


def _is_system(name: bytes) -> bool:
    return name.startswith(b"._") or name.lower() in _SYSTEM


def _not_portable(name: bytes) -> bool:
    return (
        name.endswith((b".", b" "))
        or len(name.translate(None, _NOT_ON_WINDOWS)) != len(name)
        or _RESERVED.match(name.lower()) is not None
    )


def _alike(code: Code, folder: bytes, names: Iterable[bytes], say: Callable[[Finding], None]) -> None:
    """One finding for a folder, however many names there are."""
    found = list(names)
    if found:
        shown = ", ".join(map(show, found[:_NAMED])) + (", …" if len(found) > _NAMED else "")
        path = folder + b"/" + found[0] if folder else found[0]
        say(Finding(code=code, path=path, parameters={"count": len(found), "names": shown}))


def _twins(folder: bytes, whole: bytes, say: Callable[[Finding], None]) -> None:
    """Names that differ in case or normalisation only (RFC 8493 §6.1.1), one finding for each group."""
    names = whole.decode("utf-8", "surrogateescape")
    composed = unicodedata.normalize("NFC", names)
    folded = unicodedata.normalize("NFC", composed.casefold())
    keys = folded.split("\0")
    if len(keys) - 1 == len(set(keys)):  # the blank before the first name and that after the last are one
        return
    groups: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, form, name in zip(keys[1:-1], composed.split("\0")[1:-1], names.split("\0")[1:-1], strict=True):
        groups[key].append((form, name))
    for group in groups.values():
        if len(group) > 1:
            forms = {form for form, _ in group}
            if len(forms) > 1:
                _say_twins(Code.NAMES_DIFFER_IN_CASE, folder, [name for _, name in group], say)
            by_form: defaultdict[str, list[str]] = defaultdict(list)
            for form, name in group if len(forms) < len(group) else ():
                by_form[form].append(name)
            for _, same in sorted(by_form.items()):
                if len(same) > 1:
                    _say_twins(Code.NAMES_DIFFER_IN_FORM, folder, same, say)


def _say_twins(code: Code, folder: bytes, names: Sequence[str], say: Callable[[Finding], None]) -> None:
    raw = sorted(name.encode("utf-8", "surrogateescape") for name in names)
    # Spellings that look the same are told apart by their bytes.
    by_bytes = code is Code.NAMES_DIFFER_IN_FORM
    shown = [f"{show(name)} ({name.hex()})" if by_bytes else show(name) for name in raw]
    path = folder + b"/" + raw[0] if folder else raw[0]
    more = ", …" if len(shown) > _NAMED else ""
    say(Finding(code=code, path=path, parameters={"names": ", ".join(shown[:_NAMED]) + more}))


def _listed(words: Iterable[str]) -> str:
    return show(", ".join(sorted(words)).encode()) or "none"
