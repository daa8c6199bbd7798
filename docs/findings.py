"""Writes docs/findings.md out of the tables of codes: `python docs/findings.py`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from checks import findings as audits
from checks.evidence import Evidence, Outcome
from checks.findings import Severity
from preserve.bag import codes as bags
from preserve.cli.exits import OUTCOMES

PAGE = Path(__file__).with_suffix(".md")
RFC = "https://www.rfc-editor.org/rfc/rfc8493#section-"

# The sections of RFC 8493 that a finding can rest on.
SECTIONS = {
    "2": "Structure",
    "2.1": "Required Elements",
    "2.1.1": "Bag Declaration: bagit.txt",
    "2.1.2": "Payload Directory: data/",
    "2.1.3": "Payload Manifest",
    "2.2": "Optional Elements",
    "2.2.1": "Tag Manifest",
    "2.2.2": "Bag Metadata: bag-info.txt",
    "2.2.3": "Fetch File: fetch.txt",
    "2.2.4": "Other Tag Files",
    "2.3": "Text Tag File Format",
    "2.4": "Bag Checksum Algorithms",
    "3": "Complete and Valid Bags",
    "5": "Security Considerations",
    "5.1": "Special Directory Characters",
    "5.2": "Control of URLs in fetch.txt",
    "5.3": "File Sizes in fetch.txt",
    "5.4": "Attacks on Payload File Content",
    "6.1": "Interoperability",
    "6.1.1": "Filename Normalization",
    "6.1.1.1": "Case Sensitivity",
    "6.1.1.2": "Unicode Normalization",
    "6.1.1.3": "Recommendations",
    "6.1.2": "Windows and Unix File Naming",
    "6.1.3": "Legacy Checksum Tools",
}

_EVIDENCE = {
    Evidence.LISTED: "a folder or manifest names it",
    Evidence.SIZED: "its size was asked for",
    Evidence.CLAIMED: "a storage provider states a checksum; no byte was read here",
    Evidence.READ: "its bytes were read, perhaps out of the computer's memory",
    Evidence.READ_MEDIUM: "its bytes were read past that memory",
}

_INTRODUCTION = """# What a finding means and what to do

<!-- Written by `python docs/findings.py` out of the tables of codes; do not edit it here. -->

A finding is one thing that was seen and is not as it should be. Its **code** never changes its meaning, so it can be
looked up here, and searched for in last year's reports. The words in braces stand for what was found.

**Severity.** An `error` counts for the outcome. A `warning` is told and leaves the outcome alone, but for
`weak-evidence`.

**Outcome and exit status.** The worst finding decides:

| outcome | meaning | exit status |
|---|---|---|
| `pass` | all was looked at and nothing is wrong; there may be warnings | {good} |
| `fail` | damage, or a bag that is not valid | {bad} |
| `inconclusive` | it could not be determined; nothing is called good that was not read | {unknown} |

Where some findings make it `fail` and others `inconclusive`, it is `fail` and {bad}. A command that is wrong ends with
2, one that was interrupted with 130.

**Verdicts.** What a bag is called, by `preserve validate` and in the `verdict` of its JSON:

| verdict | meaning |
|---|---|
| `valid` | every byte was read and is as the manifests say |
| `complete, its payload unread` | weak (`--completeness-only`): the names are as listed; damage in a file cannot show |
| `as large as its bag-info.txt says (its files were not read)` | very weak: `--fast` |
| `not as large as its bag-info.txt says` | `--fast` only: number or bytes are not as Payload-Oxum says |
| one of these, `but not what its profile wants` | the bag is good; what a BagIt profile asks for besides is not there |
| `incomplete` | files are missing, and nothing else is wrong |
| `invalid` | something is wrong: damage, files that nobody listed, faults of the form |
| `not a bag` | nothing that could be judged as one |
| `not judged` | it could not be determined; look at the findings, mend what stood in the way, and ask again |

**Evidence** says how it is known; a result is never stronger than it: {evidence}.

**Counts** of `preserve validate`:

| count | meaning |
|---|---|
| `files` | payload files that the manifests list |
| `good` | of these, read, and as every manifest says |
| `bad` | changed, missing, not listed, or no regular files |
| `unread` | nothing is known of their content: not readable, or not asked for (a weak validation) |
| `bytes_read` | of the payload |
| `tag_files`, `tag_files_good` | the same of the tag files, such as `bag-info.txt` |

**In JSON** (`--json`) every finding of `findings` has `code`, `severity`, `message`, `path` (from the bag's root; with
`path_base64` beside it where the name is not UTF-8), `expected` and `observed`. Findings of a bag have, besides, `file`
and `line`, the tag file that says it and the line in it, counted from 1, and `section`, of RFC 8493. Those of an audit
have `package` and `replica`.

**Before you do anything:** do not delete, rename or "clean up" what a finding names, and do not write to a disk that
may be failing. A damaged file can be the last one there is.
"""

_OF_BAGS = """## Findings on a bag

From `preserve validate`, and from `preserve bag` and `preserve add`, which validate what they make or take in.
"""

_OF_AUDITS = """## Findings of an audit

From `preserve audit`: a copy in your care is not as it was taken in. They stay open until a later reading finds it
good. In `preserve status` and `preserve report drift` they stand file by file. The anchors of this part begin with
`audit-`, since some codes stand in both.
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    status = {"good": Outcome.PASS, "bad": Outcome.FAIL, "unknown": Outcome.INCONCLUSIVE}
    parts = [
        _INTRODUCTION.format(evidence=_evidence(), **{word: OUTCOMES[outcome] for word, outcome in status.items()}),
        _OF_BAGS,
        _contents(bags.MEANINGS, ""),
        *(_section(code, meaning, "", meaning.section) for code, meaning in sorted(bags.MEANINGS.items())),
        _OF_AUDITS,
        _contents(audits.MEANINGS, "audit-"),
        *(_section(code, meaning, "audit-", "") for code, meaning in sorted(audits.MEANINGS.items())),
    ]
    return "\n".join(parts)


def _evidence() -> str:
    """Every word of evidence with its meaning, the weakest first."""
    return "; ".join(f"`{each.label}` ({_EVIDENCE[each]})" for each in Evidence)


def _contents(codes: Iterable[str], prefix: str) -> str:
    return " ·\n".join(f"[{code}](#{prefix}{code})" for code in sorted(codes)) + "\n"


def _section(code: str, meaning: bags.Meaning | audits.Meaning, prefix: str, section: str) -> str:
    return "\n".join(_lines(code, meaning, prefix, section))


def _lines(code: str, meaning: bags.Meaning | audits.Meaning, prefix: str, section: str) -> Iterator[str]:
    yield f'<a id="{prefix}{code}"></a>'
    yield f"### `{code}`\n"
    told = f"{meaning.severity}; {_effect(meaning.severity, meaning.outcome)}"
    if section:
        told += f"; RFC 8493 [§{section}, {SECTIONS[section]}]({RFC}{section})"
    yield f"*{told}*\n"
    yield f"**Meaning.** {_sentence(meaning.sentence)}\n"
    yield f"**What to do.** {meaning.remedy}\n"


def _effect(severity: Severity, outcome: Outcome) -> str:
    """What such a finding alone makes of the exit status."""
    status = f"exit status {OUTCOMES[outcome]}"
    if outcome is Outcome.PASS:
        return f"{status}: it changes nothing"
    return f"{status}: {'it fails' if outcome is Outcome.FAIL else 'it cannot be determined'}"


def _sentence(text: str) -> str:
    """With a capital and a full stop; what it says in angle brackets or braces is no markup."""
    text = text.replace("<", "&lt;")
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "}")) else ".")


if __name__ == "__main__":
    main()
