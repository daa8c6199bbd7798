"""Reading documents that others wrote, and refusing what is not PREMIS 3.0."""

import io

import pytest

from premis.elements import Found, entities
from premis.errors import PremisError
from premis.model import Category, Event, Object
from premis.reader import read_document

NS = 'xmlns="http://www.loc.gov/premis/v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
IDENTIFIER = (
    "<objectIdentifier><objectIdentifierType>local</objectIdentifierType>"
    "<objectIdentifierValue>{}</objectIdentifierValue></objectIdentifier>"
)
OBJECT = f'<object xsi:type="representation">{IDENTIFIER}</object>'


def read(text: str) -> list[object]:
    return list(read_document(io.BytesIO(text.encode())))


def identifiers(read_entities: list[object]) -> list[str]:
    return [entity.identifiers[0].value for entity in read_entities if isinstance(entity, Object)]


def test_rights_and_units_that_the_model_lacks_are_passed_over() -> None:
    found = read(
        f'<premis {NS} version="3.0">'
        f'<object xsi:type="representation">{IDENTIFIER.format("a")}'
        "<significantProperties><significantPropertiesType>x</significantPropertiesType></significantProperties>"
        "</object>"
        "<event><eventIdentifier><eventIdentifierType>t</eventIdentifierType>"
        "<eventIdentifierValue>v</eventIdentifierValue></eventIdentifier><eventType>x</eventType>"
        "<eventDateTime>2001</eventDateTime><eventDetailInformation><eventDetailExtension><x xmlns=''/>"
        "</eventDetailExtension></eventDetailInformation></event>"
        "<rights><rightsStatement><rightsBasis>copyright</rightsBasis></rightsStatement></rights></premis>"
    )
    assert identifiers(found) == ["a"]
    assert isinstance(found[1], Event)
    assert found[1].details == ()
    assert len(found) == 2


def test_a_prefix_may_be_anything() -> None:
    (entity,) = read(
        '<p:premis xmlns:p="http://www.loc.gov/premis/v3" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" '
        'version="3.0"><p:object i:type="p:intellectualEntity"><p:objectIdentifier>'
        "<p:objectIdentifierType>t</p:objectIdentifierType><p:objectIdentifierValue>v</p:objectIdentifierValue>"
        "</p:objectIdentifier></p:object></p:premis>"
    )
    assert isinstance(entity, Object)
    assert entity.category is Category.INTELLECTUAL_ENTITY


def test_a_lone_entity_as_root_is_read() -> None:
    assert identifiers(read(OBJECT.format("a").replace("<object ", f"<object {NS} "))) == ["a"]


def test_an_entity_within_an_extension_is_not_one_of_the_document() -> None:
    inner = OBJECT.format("inner")
    found = read(
        f'<premis {NS} version="3.0"><object xsi:type="file">{IDENTIFIER.format("a")}<objectCharacteristics>'
        f"<format><formatNote>x</formatNote></format><objectCharacteristicsExtension>{inner}"
        f"</objectCharacteristicsExtension></objectCharacteristics></object>{OBJECT.format('b')}</premis>"
    )
    assert identifiers(found) == ["a", "b"]


def test_comments_do_not_cut_texts() -> None:
    text = OBJECT.format("a<!-- no -->b<?no?>c").replace("<object ", f"<object {NS} ")
    assert identifiers(read(f"<!-- before -->{text}")) == ["abc"]


@pytest.mark.parametrize("length", [3000, 4096, 5000, 70_000])
def test_a_long_head_does_not_matter(length: int) -> None:
    assert identifiers(read(f"<!--{'x' * length}--><premis {NS} version='3.0'>{OBJECT.format('a')}</premis>")) == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no XML",
        "<premis",
        f"<premis {NS} version='3.0'>{OBJECT.format('a')}",
        f"<premis {NS} version='3.0'><object></premis>",
        "<premis version='3.0'/>",
        "<html/>",
        '<premis xmlns="info:lc/xmlns/premis-v2" version="2.2"/>',
        f"<agentName {NS}>x</agentName>",
        f"<premis {NS} version='3.0'>{OBJECT.format('&what;')}</premis>",
        f"<!--{'x' * (1 << 20)}--><premis {NS} version='3.0'/>",
    ],
    ids=[
        "empty",
        "text",
        "cut in the root",
        "cut after an object",
        "wrong nesting",
        "no namespace",
        "another document",
        "PREMIS 2",
        "no entity as root",
        "unknown entity reference",
        "no element in a mebibyte",
    ],
)
def test_what_is_not_premis_3_is_an_error(text: str) -> None:
    with pytest.raises(PremisError):
        read(text)


def test_premis_2_is_named() -> None:
    with pytest.raises(PremisError, match="PREMIS 2"):
        read('<premis xmlns="info:lc/xmlns/premis-v2" version="2.2"/>')


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE premis>",
        '<!DOCTYPE premis SYSTEM "premis.dtd">',
        '<!DOCTYPE premis [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE premis [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_doctype_is_refused(doctype: str) -> None:
    with pytest.raises(PremisError, match="DOCTYPE"):
        read(f"{doctype}<premis {NS} version='3.0'>{OBJECT.format('a')}</premis>")


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_a_doctype_is_refused_in_any_encoding(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE premis><premis {NS} version="3.0"/>'
    with pytest.raises(PremisError, match="DOCTYPE"):
        list(read_document(io.BytesIO(text.encode(encoding))))


def test_an_object_of_no_category_is_an_error_with_its_line() -> None:
    text = f"<premis {NS} version='3.0'>\n{OBJECT.format('a')}\n{OBJECT.format('b')}</premis>"
    with pytest.raises(PremisError, match=r"line 3: .* category"):
        read(text.replace("representation", "book").replace("book", "representation", 1))


def test_a_size_that_is_no_number_is_an_error() -> None:
    with pytest.raises(PremisError, match="size"):
        read(
            f'<object {NS} xsi:type="file">{IDENTIFIER.format("a")}<objectCharacteristics><size>big</size>'
            "</objectCharacteristics></object>"
        )


def test_what_was_read_is_not_kept() -> None:
    text = f"<premis {NS} version='3.0'>{OBJECT.format('a') * 5000}<odd/></premis>".encode()
    widths = []
    for found in entities(io.BytesIO(text)):
        if isinstance(found, Found):
            root = found.element.getparent()
            widths.append(0 if root is None else len(root))
    assert len(widths) == 5001
    assert max(widths) < 1000  # as many as one part of the stream can hold


def test_strangers_in_the_container_are_found_in_their_place() -> None:
    strangers = f"<odd/>{OBJECT.format('a')}<x xmlns='u'/>{OBJECT.format('b')}<object xmlns=''/>"
    text = f"<premis {NS} version='3.0'>{strangers}</premis>"
    names = [found.name for found in entities(io.BytesIO(text.encode()))]
    assert names == ["premis", "odd", "object", "{u}x", "object", "{}object"]
