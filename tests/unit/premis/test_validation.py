"""One document that is right; for each rule, a change that makes it wrong in just that way."""

import io
from pathlib import Path

import pytest

from premis.errors import PremisError
from premis.problems import Code, Problem, Severity
from premis.validation import validate_document

LOC = "http://id.loc.gov/vocabulary/preservation"
HEAD = (
    '<premis xmlns="http://www.loc.gov/premis/v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0">'
)


def identifier(name: str, value: str, kind: str = "local", more: str = "") -> str:
    return f"<{name}><{name}Type>{kind}</{name}Type><{name}Value>{value}</{name}Value>{more}</{name}>"


FIXITY = (
    f'<fixity><messageDigestAlgorithm authority="cryptographicHashFunctions" '
    f'valueURI="{LOC}/cryptographicHashFunctions/md5">MD5</messageDigestAlgorithm>'
    "<messageDigest>d41d8cd98f00b204e9800998ecf8427e</messageDigest></fixity>"
)
FILE = (
    '<object xsi:type="file">'
    + identifier("objectIdentifier", "file-1")
    + f"<objectCharacteristics>{FIXITY}<size>0</size>"
    + "<format><formatDesignation><formatName>unknown</formatName></formatDesignation></format>"
    + "</objectCharacteristics>"
    + f'<relationship><relationshipType valueURI="{LOC}/relationshipType/str">structural</relationshipType>'
    + "<relationshipSubType>is included in</relationshipSubType>"
    + identifier("relatedObjectIdentifier", "work-1")
    + identifier("relatedEventIdentifier", "event-1")
    + "</relationship>"
    + identifier("linkingEventIdentifier", "event-2")
    + identifier("linkingRightsStatementIdentifier", "rights-1")
    + "</object>"
)
WORK = f'<object xsi:type="intellectualEntity">{identifier("objectIdentifier", "work-1")}</object>'
ROLE = f'<linkingAgentRole valueURI="{LOC}/eventRelatedAgentRole/exe">executing program</linkingAgentRole>'
EVENT_1 = (
    "<event>"
    + identifier("eventIdentifier", "event-1")
    + f'<eventType authority="eventType" valueURI="{LOC}/eventType/fix">fixity check</eventType>'
    + "<eventDateTime>2024-05-06T07:08:09Z</eventDateTime>"
    + identifier("linkingAgentIdentifier", "agent-1", more=ROLE)
    + identifier("linkingObjectIdentifier", "file-1")
    + "</event>"
)
EVENT_2 = (
    "<event>"
    + identifier("eventIdentifier", "event-2")
    + "<eventType>ingestion</eventType><eventDateTime>2024</eventDateTime></event>"
)
AGENT = f"<agent>{identifier('agentIdentifier', 'agent-1')}</agent>"
RIGHTS = (
    "<rights><rightsStatement>"
    + identifier("rightsStatementIdentifier", "rights-1")
    + "<rightsBasis>statute</rightsBasis>"
    + identifier(
        "linkingAgentIdentifier",
        "agent-1",
        more=f'<linkingAgentRole valueURI="{LOC}/rightsRelatedAgentRole/gra">grantor</linkingAgentRole>',
    )
    + "</rightsStatement></rights>"
)
GOOD = "\n".join([HEAD, FILE, WORK, EVENT_1, EVENT_2, AGENT, RIGHTS, "</premis>"])
LINE = {"file": 2, "work": 3, "event 1": 4, "event 2": 5, "agent": 6, "rights": 7}


def problems(text: str, schema: Path | None = None) -> list[Problem]:
    return list(validate_document(io.BytesIO(text.encode()), schema=schema))


def changed(old: str, new: str, text: str = GOOD) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def found(text: str) -> list[tuple[Code, int]]:
    return [(problem.code, problem.line) for problem in problems(text)]


def test_a_document_that_is_right_has_no_problem(premis_schema: Path) -> None:
    assert problems(GOOD) == []
    assert problems(GOOD, premis_schema) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "where"),
    [
        ("2024-05-06T07:08:09Z", "sometime", Code.EVENT_DATE_TIME, "event 1"),
        ("2024-05-06T07:08:09Z", "", Code.EVENT_DATE_TIME, "event 1"),
        ("2024-05-06T07:08:09Z", "2024-02-30", Code.EVENT_DATE_TIME, "event 1"),
        ("<size>0</size>", "<size>-1</size>", Code.SIZE, "file"),
        ("<size>0</size>", "<size>small</size>", Code.SIZE, "file"),
        ("d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204", Code.DIGEST_LENGTH, "file"),
        ("d41d8cd98f00b204e9800998ecf8427e", "1B2M2Y8AsgTpgAmY7PhCfg==", Code.DIGEST_NOT_HEX, "file"),
        ("d41d8cd98f00b204e9800998ecf8427e", " ", Code.DIGEST_EMPTY, "file"),
        (f' valueURI="{LOC}/cryptographicHashFunctions/md5">MD5', ">rot13", Code.UNKNOWN_ALGORITHM, "file"),
        (">ingestion<", ">washing<", Code.UNKNOWN_EVENT_TYPE, "event 2"),
        (">ingestion<", "><", Code.UNKNOWN_EVENT_TYPE, "event 2"),
        (f"{LOC}/eventType/fix", f"{LOC}/agentType/har", Code.VALUE_URI, "event 1"),
        (f"{LOC}/eventType/fix", f"{LOC}/eventType/ing", Code.VALUE_URI, "event 1"),
        (f"{LOC}/eventType/fix", f"{LOC}/eventType/zzz", Code.VALUE_URI, "event 1"),
        (f"{LOC}/eventType/fix", f"{LOC}/eventType", Code.VALUE_URI, "event 1"),
        (f"{LOC}/eventRelatedAgentRole/exe", f"{LOC}/agentType/sof", Code.VALUE_URI, "event 1"),
        (f"{LOC}/relationshipType/str", f"{LOC}/relationshipSubType/isi", Code.VALUE_URI, "file"),
        (f"{LOC}/cryptographicHashFunctions/md5", f"{LOC}/cryptographicHashFunctions/sha1", Code.VALUE_URI, "file"),
    ],
)
def test_a_wrong_value_is_found_where_it_stands(old: str, new: str, code: Code, where: str) -> None:
    assert found(changed(old, new)) == [(code, LINE[where])]


@pytest.mark.parametrize(
    ("element", "value", "where"),
    [
        ("objectIdentifier", "file-1", "file"),
        ("eventIdentifier", "event-1", "event 1"),
        ("agentIdentifier", "agent-1", "agent"),
        ("rightsStatementIdentifier", "rights-1", "rights"),
    ],
)
def test_an_identifier_that_is_there_twice_is_found(element: str, value: str, where: str) -> None:
    both = identifier(element, value)
    assert found(changed(both, both + both)) == [(Code.DUPLICATE_IDENTIFIER, LINE[where])]


def test_identifiers_of_other_types_or_kinds_are_not_the_same() -> None:
    other = identifier("objectIdentifier", "work-1") + identifier("objectIdentifier", "file-1", kind="UUID")
    assert found(changed(identifier("objectIdentifier", "work-1"), other)) == []
    same_value = identifier("agentIdentifier", "agent-1") + identifier("agentIdentifier", "file-1")
    assert found(changed(identifier("agentIdentifier", "agent-1"), same_value)) == []


@pytest.mark.parametrize(
    ("element", "value", "where"),
    [
        ("relatedObjectIdentifier", "work-1", "file"),
        ("relatedEventIdentifier", "event-1", "file"),
        ("linkingRightsStatementIdentifier", "rights-1", "file"),
    ],
)
def test_a_link_to_nothing_is_found(element: str, value: str, where: str) -> None:
    assert found(changed(identifier(element, value), identifier(element, "nobody"))) == [
        (Code.DANGLING_LINK, LINE[where])
    ]


def test_a_link_of_an_event_to_nothing_is_found() -> None:
    assert found(changed("<linkingObjectIdentifierValue>file-1", "<linkingObjectIdentifierValue>file-2")) == [
        (Code.DANGLING_LINK, LINE["event 1"])
    ]
    assert found(changed("<linkingAgentIdentifierValue>agent-1", "<linkingAgentIdentifierValue>agent-2")) == [
        (Code.DANGLING_LINK, LINE["event 1"])
    ]


def test_a_link_by_another_type_of_identifier_leads_nowhere() -> None:
    old = identifier("relatedObjectIdentifier", "work-1")
    new = identifier("relatedObjectIdentifier", "work-1", kind="UUID")
    assert found(changed(old, new)) == [(Code.DANGLING_LINK, LINE["file"])]


@pytest.mark.parametrize("kind", ["", "local"])
def test_an_empty_identifier_is_found(kind: str) -> None:
    empty = identifier("agentIdentifier", "" if kind else "x", kind=kind)
    assert found(changed("<agent>", f"<agent>{empty}")) == [(Code.EMPTY_IDENTIFIER, LINE["agent"])]


def test_an_empty_link_is_one_problem_and_not_two() -> None:
    old = identifier("relatedObjectIdentifier", "work-1")
    assert found(changed(old, identifier("relatedObjectIdentifier", ""))) == [(Code.EMPTY_IDENTIFIER, LINE["file"])]


def test_an_event_that_no_object_is_linked_to_is_found() -> None:
    link = identifier("linkingEventIdentifier", "event-2")
    assert found(changed(link, "")) == [(Code.UNLINKED_EVENT, LINE["event 2"])]
    # An agent's link does not tell what was done to which object.
    moved = changed("</agent>", f"{link}</agent>", changed(link, ""))
    assert found(moved) == [(Code.UNLINKED_EVENT, LINE["event 2"])]


def test_what_is_of_another_named_vocabulary_is_let_be() -> None:
    assert found(changed("<eventType>ingestion", '<eventType authority="ours">washing')) == []
    theirs = f'<eventType authority="x" authorityURI="{LOC}/eventType">washing'
    assert found(changed("<eventType>ingestion", theirs)) == [(Code.UNKNOWN_EVENT_TYPE, LINE["event 2"])]
    assert found(changed(f"{LOC}/eventType/fix", "https://example.org/fix")) == []


def test_a_translated_label_with_the_right_uri_is_let_be() -> None:
    assert found(changed(">fixity check<", ">Fixitätsprüfung<")) == []
    assert found(changed(">MD5<", ">Message-Digest 5<")) == []


def test_an_extension_is_not_judged() -> None:
    inner = f"<objectCharacteristicsExtension>{FILE.replace('>0<', '>-5<')}</objectCharacteristicsExtension>"
    assert found(changed("</objectCharacteristics>", f"{inner}</objectCharacteristics>")) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD.replace(' version="3.0"', ""), 1),
        (GOOD.replace("3.0", "2.2", 1), 1),
        ("\n".join([HEAD, FILE, EVENT_1, EVENT_2, WORK, AGENT, RIGHTS, "</premis>"]), 5),
        ("\n".join([HEAD, FILE, WORK, AGENT, EVENT_1, EVENT_2, RIGHTS, "</premis>"]), 5),
        ("\n".join([HEAD, FILE, WORK, EVENT_1, EVENT_2, RIGHTS, AGENT, "</premis>"]), 7),
        (changed(AGENT, AGENT + "<extra/>"), 6),
        (changed("</premis>", "<object xmlns=''/></premis>"), 8),
    ],
    ids=["no version", "other version", "late object", "early agent", "early rights", "stranger", "no namespace"],
)
def test_a_container_that_is_not_in_order_is_found(text: str, line: int) -> None:
    assert (Code.STRUCTURE, line) in found(text)


def test_a_container_without_an_object_is_found() -> None:
    assert found(f"{HEAD}\n{AGENT}\n</premis>") == [(Code.STRUCTURE, 1)]
    assert found(f"{HEAD}</premis>") == [(Code.STRUCTURE, 1)]


def lone(text: str) -> str:
    return changed(">", f" {HEAD.removeprefix('<premis ').removesuffix('>')}>", text)


def test_a_lone_entity_is_a_document_whose_links_lead_out_of_it(premis_schema: Path) -> None:
    assert problems(lone(EVENT_1), premis_schema) == []
    assert found(lone(EVENT_2)) == [(Code.UNLINKED_EVENT, 1)]
    assert found(lone(AGENT).replace("3.0", "1.0")) == [(Code.STRUCTURE, 1)]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("<size>0</size>", "<size>0</size><size>0</size>", "file"),
        ("<eventDateTime>2024</eventDateTime>", "", "event 2"),
        ("<agent>", "<agent colour='red'>", "agent"),
        (' xsi:type="file"', ' xsi:type="book"', "file"),
    ],
)
def test_what_the_schema_refuses_is_found_by_the_schema(old: str, new: str, where: str, premis_schema: Path) -> None:
    assert (Code.SCHEMA, LINE[where]) in [(p.code, p.line) for p in problems(changed(old, new), premis_schema)]
    assert Code.SCHEMA not in [code for code, _ in found(changed(old, new))]


def test_a_schema_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PremisError, match="schema"):
        problems(GOOD, tmp_path / "none.xsd")
    (tmp_path / "bad.xsd").write_text("<a/>")
    with pytest.raises(PremisError, match="schema"):
        problems(GOOD, tmp_path / "bad.xsd")


def test_what_cannot_be_parsed_is_an_error() -> None:
    with pytest.raises(PremisError, match="line 8"):
        problems(GOOD.replace("</premis>", "</premi>"))


def test_lines_beyond_65535_are_told() -> None:
    text = changed("\n", "\n" * 70_000).replace("<size>0</size>", "<size>-1</size>")
    assert found(text) == [(Code.SIZE, LINE["file"] + 69_999)]


@pytest.mark.parametrize("code", list(Code))
def test_only_what_premis_allows_is_a_warning(code: Code) -> None:
    allowed = code in (Code.UNLINKED_EVENT, Code.UNKNOWN_ALGORITHM, Code.UNKNOWN_EVENT_TYPE)
    assert Problem(code, "", 0).severity is (Severity.WARNING if allowed else Severity.ERROR)
