"""The terms of the preservation vocabularies, code and label: the Library of Congress's and our own.

Source: https://id.loc.gov/vocabulary/preservation.html. `eventType` is complete; of the others, at least what is met
in practice stands here, so that a code that is missing from them is not known to be wrong.
"""

from collections.abc import Mapping
from types import MappingProxyType

LOC: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "eventType": {
            "acc": "accession",
            "app": "appraisal",
            "cap": "capture",
            "com": "compression",
            "cop": "compiling",
            "cre": "creation",
            "dea": "deaccession",
            "dec": "decompression",
            "del": "deletion",
            "der": "decryption",
            "dig": "digital signature validation",
            "dis": "dissemination",
            "dsg": "digital signature generation",
            "dsp": "displaying",
            "enc": "encryption",
            "exe": "execution",
            "exp": "exporting",
            "ext": "extraction",
            "ffa": "forensic feature analysis",
            "fil": "filename change",
            "fix": "fixity check",
            "for": "format identification",
            "ima": "imaging",
            "ine": "ingestion end",
            "ing": "ingestion",
            "ins": "ingestion start",
            "int": "interpreting",
            "ipc": "information package creation",
            "ipm": "information package merging",
            "ips": "information package splitting",
            "mee": "metadata extraction",
            "mem": "metadata modification",
            "mes": "message digest calculation",
            "mig": "migration",
            "mod": "modification",
            "nor": "normalization",
            "pac": "packing",
            "poa": "policy assignment",
            "prt": "printing",
            "qua": "quarantine",
            "rec": "recovery",
            "red": "redaction",
            "ref": "refreshment",
            "ren": "rendering",
            "rep": "replication",
            "tra": "transfer",
            "unp": "unpacking",
            "unq": "unquarantine",
            "val": "validation",
            "vir": "virus check",
        },
        "eventOutcome": {
            "suc": "success",
            "fai": "fail",
            "war": "warning",
        },
        "agentType": {
            "har": "hardware",
            "org": "organization",
            "per": "person",
            "sof": "software",
        },
        "cryptographicHashFunctions": {
            "crc32": "CRC32",
            "md2": "MD2",
            "md5": "MD5",
            "sha1": "SHA-1",
            "sha256": "SHA-256",
            "sha384": "SHA-384",
            "sha512": "SHA-512",
            "tiger": "TIGER",
            "whirl": "WHIRLPOOL",
            "haval": "HAVAL",
            "adler": "Adler-32",
            "mnp": "MNP",
            "unk": "unknown",
        },
        "objectCategory": {
            "int": "intellectual entity",
            "rep": "representation",
            "fil": "file",
            "bit": "bitstream",
        },
        "eventRelatedObjectRole": {
            "sou": "source",
            "out": "outcome",
        },
        "eventRelatedAgentRole": {
            "aut": "authorizer",
            "exe": "executing program",
            "imp": "implementer",
            "val": "validator",
        },
        "preservationLevelRole": {
            "cap": "capability",
            "int": "intention",
            "req": "requirement",
        },
        "relationshipType": {
            "str": "structural",
            "der": "derivation",
            "dep": "dependency",
            "log": "logical",
            "ref": "reference",
            "rep": "replacement",
        },
        "relationshipSubType": {
            "sup": "supersedes",
            "iss": "is superseded by",
            "isi": "is included in",
            "inc": "includes",
            "isp": "is part of",
            "hsp": "has part",
            "iso": "is source of",
            "hss": "has source",
            "isr": "is represented by",
            "rep": "represents",
        },
        "storageMedium": {
            "har": "hard disk",
            "mag": "magnetic tape",
            "tsm": "TSM",
        },
        "contentLocationType": {
            "uri": "uri",
            "hdl": "hdl",
        },
    }
)

# What the Library of Congress's vocabularies have no word for. See `premis.vocabulary` for the authority.
OWN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "eventType": {
            "repair": "repair",  # damaged content was replaced by sound content of another copy
            "loss": "loss",  # no copy holds the content any more
            # A person confirmed that a copy changed in so many files; until then, nothing is written to it.
            "changeconfirmation": "confirmation of change",
        },
        "cryptographicHashFunctions": {
            "sha224": "SHA-224",
            "sha512224": "SHA-512/224",
            "sha512256": "SHA-512/256",
            "sha3224": "SHA3-224",
            "sha3256": "SHA3-256",
            "sha3384": "SHA3-384",
            "sha3512": "SHA3-512",
            "blake2b160": "BLAKE2b-160",
            "blake2b256": "BLAKE2b-256",
            "blake2b384": "BLAKE2b-384",
            "blake2b512": "BLAKE2b-512",
            "blake2s128": "BLAKE2s-128",
            "blake2s160": "BLAKE2s-160",
            "blake2s224": "BLAKE2s-224",
            "blake2s256": "BLAKE2s-256",
            "blake2b": "BLAKE2b-512",  # after the longer name for the same, so that a label stands for this one
            "blake2s": "BLAKE2s-256",
            "blake3": "BLAKE3",
            "md4": "MD4",
            "md5sha1": "MD5, then SHA-1",
            "mdc2": "MDC-2",
            "ripemd160": "RIPEMD-160",
            "sm3": "SM3",
            "whirlpool": "WHIRLPOOL",  # the Library's code is `whirl`, which is no name that BagIt would give it
        },
        "contentLocationType": {
            # The percent-encoded bytes of a path from the bag's root: a relative reference of RFC 3986 §4.2. It is
            # no URI, so the Library's `uri` would not be true.
            "bagpath": "path from the root of the bag, percent-encoded",
        },
        "storageMedium": {
            "cloud": "cloud storage",
        },
        "objectIdentifierType": {
            # The name by which the archive itself knows a package: External-Identifier or the bag's name.
            "local": "local",
        },
    }
)

# Lengths of digests in bytes, by the code of either authority. HAVAL has several; CRC32 and Adler-32 are left out,
# because they are written as decimal numbers as often as not.
DIGEST_BYTES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "md2": (16,),
        "md5": (16,),
        "sha1": (20,),
        "sha224": (28,),
        "sha256": (32,),
        "sha384": (48,),
        "sha512": (64,),
        "sha3224": (28,),
        "sha3256": (32,),
        "sha3384": (48,),
        "sha3512": (64,),
        "sha512224": (28,),
        "sha512256": (32,),
        "blake2b": (64,),
        "blake2b160": (20,),
        "blake2b256": (32,),
        "blake2b384": (48,),
        "blake2b512": (64,),
        "blake2s": (32,),
        "blake2s128": (16,),
        "blake2s160": (20,),
        "blake2s224": (28,),
        "blake2s256": (32,),
        "blake3": (32,),
        "md4": (16,),
        "md5sha1": (36,),
        "mdc2": (16,),
        "ripemd160": (20,),
        "sm3": (32,),
        "tiger": (24,),
        "whirl": (64,),
        "haval": (16, 20, 24, 28, 32),
    }
)
