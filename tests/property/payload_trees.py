"""Trees of files with names of any bytes, and what docs/bagging.md says becomes of them; knows nothing of the program.

A tree is a mapping of names to contents: bytes are a file, another tree is a folder.
"""

import fnmatch
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Union

from hypothesis import strategies as st

Tree = Mapping[bytes, Union[bytes, "Tree"]]
Files = dict[bytes, bytes]  # by path, with `/` between parts

KHMER = "ខ្មែរ"
_ACCENTED = unicodedata.normalize("NFC", "é")
_LOOK_ALIKE = (  # names of which one may be taken for another
    *(_ACCENTED, unicodedata.normalize("NFD", _ACCENTED), "É", unicodedata.normalize("NFD", "É")),
    *("a", "A", "a ", " a", "letter.TXT", "letter.txt", "ß", "ss", "SS", "ﬁ", "fi", "K", "K", "Å", "Å", "Å"),
)
_AWKWARD = (
    *(" ", "a b", "\n", "a\nb", "\r", "a\r\nb", "\t", "%", "%0A", "%0a", "%0D", "%25", "%2e%2e", "%2F", "100%", "%%"),
    *("\x01", "\x07bell", "\x0b", "\x0c", "\x1b[31m", "\x1c", "\x7f", "\x85", "\xa0", "\u2028", "\u200b", "\u202e"),
    *("~", "~root", "\\", "a\\b", "\\n", "*", "*a", ".a", "..a", "...", ".\\", "-", "--help", "#", "C:", "con", "a."),
    *("\ufeff", "\ufeffa", "\U0001f4dc", "'", '"', "$(x)", "`", "|", ":", "a:b", "?", "[a]"),
    *("manifest-sha256.txt", "tagmanifest-sha512.txt", "bagit.txt", "bag-info.txt", "fetch.txt", "data", ".keep"),
    *(".DS_Store", "Thumbs.db", "x.tmp", "premis.xml", ".preserve-partial"),
)
_LONGEST = ("n" * 255, "ខ" * 85, "\n" * 255, "%" * 255, " " * 255, "é" * 127)
_NOT_UTF_8 = (
    b"\xff",
    b"caf\xe9",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xf5\x80\x80\x80",
    b"a\xffb.txt",
    b"\xe1\x9e",
)


def _may_be_a_name(name: bytes) -> bool:
    return 0 < len(name) <= 255 and name not in (b".", b"..", b".preserve-bagging") and not set(name) & set(b"/\0")


_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)
utf8_names = (
    st.sampled_from(["a", "b", "c.txt", "page-001.tif", "notes"])
    | st.sampled_from([KHMER, "ឯកសារ", "រូបថត ១៩៧៥.jpg"])
    | st.sampled_from(_LOOK_ALIKE)
    | st.sampled_from(_AWKWARD)
    | st.sampled_from(_LONGEST)
    | _text
).map(str.encode)
any_names = st.one_of(
    utf8_names, utf8_names, utf8_names, st.sampled_from(_NOT_UTF_8), st.binary(min_size=1, max_size=8)
)
contents = st.sampled_from([b"", b"same", b"same", b"\0", b"\r\n", b"\xef\xbb\xbf"]) | st.binary(max_size=40)


def trees(names: st.SearchStrategy[bytes] = utf8_names) -> st.SearchStrategy[Tree]:
    """Trees of a few files and folders; folders may be empty."""
    usable = names.filter(_may_be_a_name)
    return st.recursive(
        st.dictionaries(usable, contents, max_size=5),
        lambda below: st.dictionaries(usable, contents | below, max_size=5),
        max_leaves=4,
    )


def planted(folder: bytes, tree: Tree) -> None:
    """Makes the folder and all that is in the tree."""
    os.mkdir(folder)
    for name, content in tree.items():
        path = os.path.join(folder, name)
        if isinstance(content, bytes):
            with open(path, "xb") as file:
                file.write(content)
        else:
            planted(path, content)


def files_of(tree: Tree, prefix: bytes = b"") -> Files:
    """Every file by its path."""
    found: Files = {}
    for name, content in tree.items():
        if isinstance(content, bytes):
            found[prefix + name] = content
        else:
            found |= files_of(content, prefix + name + b"/")
    return found


def empty_folders_of(tree: Tree, prefix: bytes = b"") -> set[bytes]:
    """Every folder in which there is nothing; the tree itself does not count."""
    found: set[bytes] = set()
    for name, content in tree.items():
        if not isinstance(content, bytes):
            found |= empty_folders_of(content, prefix + name + b"/") if content else {prefix + name}
    return found


def on_disk(folder: bytes) -> Tree:
    """What lies in a folder, as a tree; a link is its target's name."""
    return {
        entry.name: on_disk(entry.path)
        if entry.is_dir(follow_symlinks=False)
        else os.readlink(entry.path)
        if entry.is_symlink()
        else _content(entry.path)
        for entry in os.scandir(folder)
    }


def _content(path: bytes) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def without(tree: Tree, patterns: Iterable[bytes], above: bytes = b"") -> Tree:
    """The tree without what meets a pattern, by docs/bagging.md."""
    kept: dict[bytes, bytes | Tree] = {}
    for name, content in tree.items():
        path = above + name
        if not any(meets(path, pattern) for pattern in patterns):
            kept[name] = content if isinstance(content, bytes) else without(content, patterns, path + b"/")
    return kept


def meets(path: bytes, pattern: bytes) -> bool:
    """Without a `/`, a pattern is compared with the name; with one, with the whole path, part by part."""
    if b"/" not in pattern:
        return _one(path.rpartition(b"/")[2], pattern)
    return _parts(path.split(b"/"), pattern.removeprefix(b"/").split(b"/"))


def _parts(parts: list[bytes], pattern: list[bytes]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == b"**":
        return any(_parts(parts[skipped:], pattern[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and _one(parts[0], pattern[0]) and _parts(parts[1:], pattern[1:])


def _one(name: bytes, pattern: bytes) -> bool:
    return fnmatch.fnmatchcase(name.decode("latin-1"), pattern.decode("latin-1"))


def is_utf8(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


_ENDS_A_LINE_OF_TEXT = set("\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")


def the_reference_reads(files: Iterable[bytes]) -> bool:
    """Whether bagit-python 1.9 can judge a bag of version 1.0 with these payload files.

    It does not decode %25, decodes no more than two %0A and two %0D in a name, strips lines, ends them wherever
    Unicode may, and takes names for one that are so when normalised.
    """
    names = [path.decode("utf-8") for path in files]
    return (
        bool(names)
        and len({unicodedata.normalize("NFC", name) for name in names}) == len(names)
        and all(map(_reads, names))
    )


def _reads(name: str) -> bool:
    return (
        "%" not in name
        and name.count("\n") <= 2
        and name.count("\r") <= 2
        and not _ENDS_A_LINE_OF_TEXT & set(name)
        and (name[-1] in "\r\n" or not name[-1].isspace())
    )


def canonical_paths(paths: Iterable[bytes]) -> Iterator[str]:
    """Their forms in which canonically equivalent names are one."""
    return (unicodedata.normalize("NFC", path.decode("utf-8", "surrogateescape")) for path in paths)
