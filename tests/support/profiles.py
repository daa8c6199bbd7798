"""A BagIt profile of a small archive, for tests to take parts out of and put others in."""

import json
from pathlib import Path
from typing import Any

IDENTIFIER = "https://archive.example.org/profiles/oral-history-1.2.json"


def archive_profile(**changes: object) -> dict[str, Any]:
    """The profile as JSON values. A change names a top-level key with `_` for `-`; None takes it out."""
    profile: dict[str, Any] = {
        "BagIt-Profile-Info": {
            "BagIt-Profile-Identifier": IDENTIFIER,
            "BagIt-Profile-Version": "1.4.0",
            "Source-Organization": "Archive of Oral History",
            "External-Description": "Interviews as the reading room takes them",
            "Version": "1.2",
        },
        "Bag-Info": {
            "Source-Organization": {"required": True, "values": ["Archive of Oral History", "Field Office"]},
            "Contact-Name": {"required": True, "repeatable": False, "description": "who can be asked"},
            "Bagging-Date": {"required": True, "repeatable": False},
            "Payload-Oxum": {"required": True},
            "External-Description": {"recommended": True},
        },
        "Manifests-Required": ["sha256"],
        "Manifests-Allowed": ["sha256", "sha512"],
        "Tag-Manifests-Required": ["sha256"],
        "Tag-Manifests-Allowed": ["sha256", "sha512"],
        "Tag-Files-Allowed": ["metadata/*", "README.txt"],
        "Payload-Files-Allowed": ["data/*"],
        "Allow-Fetch.txt": False,
        "Serialization": "optional",
        "Accept-Serialization": ["application/tar", "application/zip"],
        "Accept-BagIt-Version": ["0.97", "1.0"],
    }
    for name, value in changes.items():
        key = name.replace("_", "-")
        if value is None:
            del profile[key]
        else:
            profile[key] = value
    return profile


def write_profile(folder: Path, profile: object) -> Path:
    """The profile as a file, as it is published."""
    path = folder / "profile.json"
    path.write_text(json.dumps(profile, ensure_ascii=False, indent=2), "utf-8")
    return path
