"""Adding and taking out replicas leaves all else as it was; keys are found where they stand."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from config import SettingsError
from config.lines import line_of, places

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,8}", fullmatch=True)
FOLDERS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).map("/".__add__)
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1).filter(str.strip)
TEXTS = st.lists(
    st.sampled_from(
        ["# a comment", "", "  ", 'organization = "x" # [replica.no]', '[audit]\nmax_age = "9d"',
         "[replica.first]\nurl = '/1' # one", "[replica.second]\n# inside\nurl = '/2'\n\n# behind",
         '[catalog]\npath = """\n[replica.fake]\n"""']
    ),
    unique=True,
).map("\n".join)  # fmt: skip


def valid(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


@given(TEXTS.filter(valid), NAMES, FOLDERS, st.none() | WORDS, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_adding_a_replica_and_taking_it_out_gives_the_text_back(
    text: str, name: str, url: str, site: str | None, offline: bool, newline: str
) -> None:
    text = text.replace("\n", newline)
    longer = config.with_replica(text, name, url, site=site, offline=offline)
    assert longer.startswith(text)
    added = tomllib.loads(longer)["replica"][name]
    assert (added["url"], added.get("site"), added.get("offline", False)) == (url, site, offline)
    again = config.without_replica(longer, name)
    assert again.rstrip() == text.rstrip()


@given(TEXTS.filter(valid), st.sampled_from(["first", "second"]))
def test_taking_out_a_replica_keeps_every_comment_and_all_else(text: str, name: str) -> None:
    tables = tomllib.loads(text)
    if name not in tables.get("replica", {}):
        with pytest.raises(SettingsError, match="there is no replica"):
            config.without_replica(text, name)
        return
    shorter = config.without_replica(text, name)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in shorter.splitlines() if line.startswith("#")
    ]
    del tables["replica"][name]
    assert {"replica": {}, **tomllib.loads(shorter)} == tables


@pytest.mark.parametrize(
    "text",
    [
        'replica.nas.url = "/a"\nreplica.other.url = "/b"\n',
        '[replica]\nnas = { url = "/a" }\nother.url = "/b"\n',
        '[replica."nas"]\nurl = "/a"\n[replica.other]\nurl = "/b"\n',
        '[replica]\n[ replica . nas ] # c\nurl = """/a"""\n[replica.other]\nurl = "/b"\n',
    ],
)
def test_every_way_of_writing_a_replica_can_be_taken_out(text: str) -> None:
    assert tomllib.loads(config.without_replica(text, "nas")) == {"replica": {"other": {"url": "/b"}}}


def test_what_cannot_be_edited_safely_is_refused() -> None:
    text = 'replica = { nas = { url = "/a" } }\n'
    edits: tuple[Callable[[], str], ...] = (
        lambda: config.without_replica(text, "nas"),
        lambda: config.with_replica(text, "b", "/b"),
    )
    for edit in edits:
        with pytest.raises(SettingsError, match="edited safely"):
            edit()


@pytest.mark.parametrize(
    ("name", "url", "says"),
    [
        ("nas", "/b", "already"),
        ("a b", "/b", "name of a replica"),
        ("-x", "/b", "name of a replica"),
        ("b", "s3://x", "no bucket"),
        ("b", "ftp://x", "not a place"),
        ("b", "/mnt/\udcff", "not UTF-8"),
    ],
)
def test_a_replica_that_could_not_be_loaded_is_not_written(name: str, url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        config.with_replica('[replica.nas]\nurl = "/a"\n', name, url)


def test_an_added_replica_loads() -> None:
    text = config.with_replica(config.example(), "nas", "/mnt/nas", medium="disk", site="Phnom Penh")
    replica = config.parse(text, Path("/x/preserve.toml")).replicas["nas"]
    assert (replica.root, replica.site, replica.offline) == (b"/mnt/nas", "Phnom Penh", False)


TEXT = '''# first
title = "a # b"  # line 2
"quoted.key" = 'C:\\[x]'
long = """
[not.a.table]
key = "no" """
list = [ # line 7
  { inner = 1 }, [2, 3], # ]
  "]",
]
when = 1979-05-27 07:32:00
[a . "b.c"]
d.e = { f = "}", g = [1] }
[[many]]
x = 1
[[many]]
x = 2
'''


def test_keys_are_found_where_they_stand() -> None:
    tomllib.loads(TEXT)
    found = places(TEXT)
    lines = [(".".join(place.key), place.line) for place in found]
    assert lines == [
        ("title", 2), ("quoted.key", 3), ("long", 4), ("list", 7), ("list.inner", 8), ("when", 11), ("a.b.c", 12),
        ("a.b.c.d.e", 13), ("a.b.c.d.e.f", 13), ("a.b.c.d.e.g", 13), ("many", 14), ("many.x", 15), ("many", 16),
        ("many.x", 17),
    ]  # fmt: skip
    assert line_of(found, ("a", "b.c", "d", "e", "g")) == 13
    assert line_of(found, ("a",)) == 12, "the first key below it"
    assert line_of(found, ("many", "y")) == 14, "the table that would hold it"
    assert line_of(found, ("nothing",)) is None


KEYS = st.text("ab-_1", min_size=1, max_size=3) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
VALUES = st.recursive(
    st.sampled_from(['"x # [y]"', "'[z]'", '"""a\n"b"" = 1\n"""', "'''\n[q]\n''c'''", "1.5e3",
         "2026-01-01", "true", '"\\"}"', '""']),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: "[\n" + ", # ]\n".join(items) + "\n]"),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_every_key_is_found_whatever_its_value(items: dict[str, str], newline: str) -> None:
    text, expected = "", []
    for key, value in items.items():
        quoted = '"' + "".join(f"\\U{ord(character):08x}" for character in key) + '"'
        text += "# comment = 1\n"
        expected.append(((key,), text.count("\n") + 1))
        text += f"{quoted} = {value} # end\n\n"
    text = text.replace("\n", newline)
    tomllib.loads(text)
    assert [(place.key, place.line) for place in places(text)] == expected


POLICIES = """\
[audit]
hours = ["22:00-06:00"] # night
[replica.nas]
url = "/a"
hours = [
  "sat,sun 00:00-24:00", # ]
]
budget = ["1TB", "4h"]
# kept
[collection."replica.nas"]
max_age = "30d"
[collection.nas]
minimum_copies = 2
[alerts]
digest = "08:00"
"""


def test_replicas_are_added_and_taken_out_beside_policies() -> None:
    longer = config.with_replica(POLICIES, "disk", "/b")
    settings = config.parse(longer, Path("/x/preserve.toml"))
    assert settings.limits("disk") == settings.audit.limits and settings.limits("nas").budget_bytes == 10**12
    shorter = config.without_replica(config.without_replica(longer, "nas"), "disk")
    expected = tomllib.loads(POLICIES)
    del expected["replica"]
    assert {"replica": {}, **tomllib.loads(shorter)} == {"replica": {}, **expected}
    assert "# kept" in shorter and "sat,sun" not in shorter


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_collection_may_be_called_anything(name: str) -> None:
    quoted = "".join(f"\\U{ord(character):08x}" for character in name)
    text = f'[replica.nas]\nurl = "/a"\n[collection."{quoted}"]\nmax_age = "9d"\n'
    edited = config.without_replica(config.with_replica(text, "disk", "/b"), "nas")
    settings = config.parse(edited, Path("/x/preserve.toml"))
    assert settings.promise(name, "disk").max_age.days == 9
    with pytest.raises(SettingsError) as caught:
        config.parse(text + "x = 1\n", Path("/x/preserve.toml"))
    assert caught.value.line == 5
    assert caught.value.message.replace("\u200b", "").isprintable(), "a name cannot steer the screen it is told on"
