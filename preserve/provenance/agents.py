"""Who took part: software always, an organization and people where they are known."""

from collections.abc import Iterator
from uuid import UUID

from premis.model import Agent, Identifier, Link, Term
from premis.vocabulary import OWN_AUTHORITY_URI, term
from preserve.provenance.facts import PackageFact
from preserve.provenance.names import object_uuid, printable

UUID_TYPE = Term("UUID")

# The same agent has the same UUID in every document: UUIDv5 of its kind and names, in our authority's namespace.
_NAMESPACE = UUID(OWN_AUTHORITY_URI.removeprefix("urn:uuid:"))


class Cast:
    """The agents of one document, each of them once. What gives an agent gives the link to it."""

    def __init__(self) -> None:
        self._agents: dict[Identifier, Agent] = {}

    def entities(self) -> Iterator[Agent]:
        """The agents themselves, in the order in which they came."""
        return iter(self._agents.values())

    def software(self, name: str, version: str | None, note: str = "") -> Link:
        key = b"software\0" + b"\0".join(map(_bytes, (name, version or "", note)))
        return self._take("sof", name, key, "exe", version=version, note=note)

    def organization(self, name: str) -> Link:
        return self._take("org", name, b"organization\0" + _bytes(name), "imp")

    def person(self, name: str, organization: str, role: str = "imp") -> Link:
        # In two organizations, two people of the same name are not the same.
        return self._take("per", name, b"person\0" + _bytes(organization) + b"\0" + _bytes(name), role)

    def _take(self, code: str, name: str, key: bytes, role: str, *, version: str | None = None, note: str = "") -> Link:
        identifier = Identifier(UUID_TYPE, str(object_uuid(_NAMESPACE, key)))
        if identifier not in self._agents:
            self._agents[identifier] = Agent(
                identifiers=(identifier,),
                names=(Term(printable(name)),),
                type=term("agentType", code),
                version=None if version is None else printable(version),
                notes=(printable(note),) if note else (),
            )
        return Link(identifier, (term("eventRelatedAgentRole", role),))


class Agents:
    """The agents who made a package, and the links from its events to them.

    `preserve` links to this program, `identifying` to what identified formats (empty if that is not known), and
    `parties` to organization and person, who had the package made.
    """

    def __init__(self, package: PackageFact) -> None:
        self._cast = Cast()
        organization = (package.organization or "").strip()
        person = (package.person or "").strip()
        self.preserve = self._cast.software("preserve", package.software_version)
        self.identifying: tuple[Link, ...] = ()
        if (software := package.format_software) is not None:
            self.identifying = (self._cast.software(software.name, software.version, software.signatures),)
        parties = []
        if organization:
            parties.append(self._cast.organization(organization))
        if person:
            parties.append(self._cast.person(person, organization))
        self.parties = tuple(parties)

    def entities(self) -> Iterator[Agent]:
        """The agents themselves."""
        return self._cast.entities()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
