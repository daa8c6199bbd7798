"""Profiles as archives and services publish them, with what is odd in them: none is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from preserve.bag import Code
from preserve.bag.making.request import DEFAULT_ALGORITHMS
from preserve.bag.profiles.loading import load
from preserve.bag.profiles.making import algorithms_for, refuse_unfit, with_identifier
from preserve.bag.validating.validation import validate
from tests.unit.preserve.bag.serialised import tar, written


def _profile(identifier: str, **rules: Any) -> dict[str, Any]:
    about = {
        "Source-Organization": "An archive",
        "External-Description": "What we take in",
        "Version": "2.2",
        "BagIt-Profile-Identifier": identifier,
    }
    document: dict[str, Any] = {"BagIt-Profile-Info": {**about, **rules.pop("about", {})}, "Bag-Info": {}}
    return document | {"Accept-BagIt-Version": ["0.97", "1.0"]} | rules


PUBLISHED: dict[str, dict[str, Any]] = {
    # A consortium's: an empty version of the specification, a required tar, a label required by name only.
    "consortium": _profile(
        "https://wiki.example.org/Profile-2.2",
        about={"BagIt-Profile-Version": "", "Contact-Name": "A. Archivist", "Contact-Email": "help@example.org"},
        **{
            "Bag-Info": {"Source-Organization": {"required": True}, "Bag-Count": {"required": False}},
            "Manifests-Required": ["md5"],
            "Manifests-Allowed": ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
            "Tag-Files-Allowed": ["*"],
            "Allow-Fetch.txt": False,
            "Serialization": "required",
            "Accept-Serialization": ["application/tar"],
        },
    ),
    # Of distributed services: an identifier that is no good address, everything recommended, many names of one format.
    "services": _profile(
        "http://????/???-v0.1.json",
        about={"BagIt-Profile-Version": "1.3.0", "Contact-Phone": "(none)"},
        **{
            "Bag-Info": {
                "Payload-Oxum": {"required": True},
                "Contact-Email": {"required": False, "recommended": True},
                "Bag-Group-Identifier": {"required": False, "recommended": True, "description": "*Of related bags"},
            },
            "Manifests-Required": [],
            "Manifests-Allowed": ["md5", "sha256", "sha512"],
            "Tag-Manifests-Required": [],
            "Tag-Files-Required": [],
            "Tag-Files-Allowed": ["*"],
            "Serialization": "optional",
            "Accept-Serialization": ["application/zip", "application/x-tar", "application/x-7z-compressed"],
        },
    ),
    # A tool's own: keys that the specification does not have, and rules of tags that it does not know.
    "tool": _profile(
        "https://wiki.example.org/Tool_Profile",
        **{
            "Allow-Misc-Top-Level-Files": True,
            "Allow-Misc-Directories": True,
            "Bag-Info": {"Access": {"required": True, "emptyOk": False, "values": ["Open", "Closed"], "help": "…"}},
            "Manifests-Required": ["md5"],
        },
    ),
    # Of the first years: no version of the specification, hidden tag files, one old version of BagIt.
    "early": _profile(
        "http://example.info/profile-v1.json",
        **{
            "Bag-Info": {"Bag-Size": {"required": True}, "Payload-Oxum": {"required": True}},
            "Manifests-Required": ["md5"],
            "Tag-Manifests-Required": ["md5"],
            "Tag-Files-Required": [".erc/metadata.json", ".erc.yml"],
            "Accept-BagIt-Version": ["0.96"],
            "Serialization": "optional",
            "Accept-Serialization": ["application/zip"],
        },
    ),
    # A network's: descriptions that are regular expressions, its own identifier among the labels.
    "network": _profile(
        "https://network.example.org/bagit_profile.json",
        **{
            "Bag-Info": {
                "BagIt-Profile-Identifier": {
                    "required": True,
                    "repeatable": False,
                    "description": "(https|file):\\/\\/\\S*",
                },
                "Bagging-Date": {"required": True, "repeatable": False, "description": "\\d{4}-\\d\\d-\\d\\d"},
            },
            "Manifests-Required": [],
            "Manifests-Allowed": ["sha512", "sha256"],
            "Accept-BagIt-Version": ["1.0"],
        },
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_profile_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(PUBLISHED[name]))
    profile = load(bytes(path))
    assert profile.identifier == PUBLISHED[name]["BagIt-Profile-Info"]["BagIt-Profile-Identifier"]
    bag = written(tmp_path, tar(), "bag.tar")
    findings = validate(bytes(bag), profile=profile).findings
    said = [finding.code for finding in findings if finding.code.of_profile]
    assert (Code.PROFILE_KEY_UNKNOWN in said) is (name == "tool")
    assert (Code.PROFILE_VERSION in said) is (name == "early")
    assert Code.PROFILE_SERIALIZATION not in said or name == "early"


@pytest.mark.parametrize("name", ["services", "network"])
def test_a_bag_can_be_made_for_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(PUBLISHED[name]))
    profile = load(bytes(path))
    info = [("Bagging-Date", None), ("Payload-Oxum", None), *with_identifier(profile, [])]
    refuse_unfit(profile, lines=info, algorithms=algorithms_for(profile, DEFAULT_ALGORITHMS), tag_files=[b"a/b.xml"])
