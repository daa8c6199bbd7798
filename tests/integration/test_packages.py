"""Packages as they come out of `preserve bag`: valid elsewhere, and true in every value."""

import hashlib
import random
from datetime import UTC, datetime
from pathlib import Path

import bagit
import pytest
from lxml import etree

from preserve.cli.main import main
from tests.support.workspaces import make_collection

PREMIS = {"p": "http://www.loc.gov/premis/v3"}


def bagged(folder: Path, seed: int, *options: str) -> Path:
    source, target = folder / f"source-{seed}", folder / f"bag-{seed}"
    make_collection(source, random.Random(seed), 12 + seed)
    (source / "noise").write_bytes(random.Random(seed).randbytes(3000))
    (source / "picture.png").write_bytes(
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0" + bytes(4) + b"\0\0\0\0IEND\xaeB`\x82"
    )
    assert main(["bag", str(source), "--to", str(target), *options]) == 0
    return target


def document(bag: Path, schema: Path) -> etree._Element:
    tree = etree.parse(bag / "metadata" / "preservation" / "premis.xml")
    etree.XMLSchema(etree.parse(schema)).assertValid(tree)
    return tree.getroot()


def texts(root: etree._Element, path: str) -> list[str]:
    return [str(node.text) for node in root.iterfind(path, PREMIS)]


@pytest.mark.parametrize("place", ["copy", "in place"])
def test_every_bag_is_valid_for_the_reference_implementation(tmp_path: Path, place: str) -> None:
    if place == "copy":
        bag = bagged(tmp_path, 1)
    else:
        bag = tmp_path / "here"
        make_collection(bag, random.Random(1), 20)
        assert main(["bag", str(bag), "--in-place"]) == 0
    bagit.Bag(str(bag)).validate()
    assert main(["validate", str(bag)]) == 0


def test_two_collections_give_two_true_documents(tmp_path: Path, premis_schema: Path) -> None:
    begun = datetime.now(UTC).replace(microsecond=0)
    bags = [
        bagged(tmp_path, 1, "--info", "Source-Organization: First Archive", "--id", "first"),
        bagged(tmp_path, 2, "--info", "Source-Organization: Second Archive", "--info", "Contact-Name: the registrar"),
    ]
    roots = [document(bag, premis_schema) for bag in bags]
    for bag, root, organization in zip(bags, roots, ("First Archive", "Second Archive"), strict=True):
        stated = {}
        for entity in root.iterfind("p:object", PREMIS):
            names = texts(entity, "p:originalName")
            digests = texts(entity, ".//p:messageDigest")
            if digests:
                stated[names[0]] = (sorted(digests), int(texts(entity, ".//p:size")[0]))
        on_disk = {
            str(path.relative_to(bag / "data")): (
                sorted(hashlib.new(name, path.read_bytes()).hexdigest() for name in ("sha256", "sha512")),
                path.stat().st_size,
            )
            for path in (bag / "data").rglob("*")
            if path.is_file()
        }
        assert stated == on_disk
        assert organization in texts(root, ".//p:agentName")
        for moment in texts(root, ".//p:eventDateTime"):
            for part in moment.split("/"):
                assert begun <= datetime.fromisoformat(part) <= datetime.now(UTC)
        kinds = set(texts(root, ".//p:eventType"))
        assert {"message digest calculation", "format identification"} <= kinds
        info = bagit.Bag(str(bag)).info
        assert info["Source-Organization"] == organization
        assert info["Package-UUID"] in etree.tostring(root).decode()
    assert "the registrar" in texts(roots[1], ".//p:agentName")
    assert "the registrar" not in texts(roots[0], ".//p:agentName")
    ids = [set(texts(root, ".//p:objectIdentifierValue")) for root in roots]
    assert not ids[0] & ids[1]
    assert bagit.Bag(str(bags[0])).info["External-Identifier"] == "first"
    assert bagit.Bag(str(bags[1])).info["External-Identifier"] == "source-2"


def test_formats_are_identified_by_pronom_or_stated_as_unknown(tmp_path: Path, premis_schema: Path) -> None:
    root = document(bagged(tmp_path, 3), premis_schema)
    formats = {
        texts(entity, "p:originalName")[0]: (
            texts(entity, ".//p:formatName"),
            texts(entity, ".//p:formatRegistryKey"),
        )
        for entity in root.iterfind("p:object", PREMIS)
        if texts(entity, ".//p:formatName")
    }
    assert formats["picture.png"][1][0].startswith("fmt/")
    assert formats["noise"] == (["unknown"], [])
    # Known by its extension alone: said to be tentative, and no more.
    notes = [note for note in texts(root, ".//p:formatNote") if "tentative" in note]
    assert notes and all(
        "fmt/208" in formats[name][1] for name in formats if name.endswith(".bin") and formats[name][1]
    )


def test_a_summary_names_the_package_and_no_file(tmp_path: Path, premis_schema: Path) -> None:
    bag = bagged(tmp_path, 4, "--premis", "summary")
    root = document(bag, premis_schema)
    assert len(root.findall("p:object", PREMIS)) == 1
    listed = (bag / "tagmanifest-sha256.txt").read_text(encoding="utf-8")
    assert "metadata/preservation/premis.xml" in listed
    bagit.Bag(str(bag)).validate()
