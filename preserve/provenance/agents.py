"""Who took part in making a package: software always, an organization and a person where they are known."""

from collections.abc import Iterator
from uuid import UUID

from premis.model import Agent, Identifier, Link, Term
from premis.vocabulary import OWN_AUTHORITY_URI, term
from preserve.provenance.facts import PackageFact
from preserve.provenance.names import object_uuid, printable

UUID_TYPE = Term("UUID")

# The same agent has the same UUID in every document: UUIDv5 of its kind and names, in our authority's namespace.
_NAMESPACE = UUID(OWN_AUTHORITY_URI.removeprefix("urn:uuid:"))


class Agents:
    """The agents of one package, and the links from its events to them.

    `preserve` links to this program, `identifying` to what identified formats (empty if that is not known), and
    `parties` to organization and person, who had the package made.
    """

    def __init__(self, package: PackageFact) -> None:
        self._agents: list[Agent] = []
        organization = (package.organization or "").strip()
        person = (package.person or "").strip()
        self.preserve = self._software("preserve", package.software_version)
        self.identifying: tuple[Link, ...] = ()
        if (software := package.format_software) is not None:
            self.identifying = (self._software(software.name, software.version, software.signatures),)
        parties = []
        if organization:
            parties.append(self._party("org", organization, b"organization\0" + _bytes(organization)))
        if person:
            # In two organizations, two people of the same name are not the same.
            parties.append(self._party("per", person, b"person\0" + _bytes(organization) + b"\0" + _bytes(person)))
        self.parties = tuple(parties)

    def entities(self) -> Iterator[Agent]:
        """The agents themselves."""
        return iter(self._agents)

    def _software(self, name: str, version: str, note: str = "") -> Link:
        agent = Agent(
            identifiers=(_identifier(b"software\0" + b"\0".join(map(_bytes, (name, version, note)))),),
            names=(Term(printable(name)),),
            type=term("agentType", "sof"),
            version=printable(version),
            notes=(printable(note),) if note else (),
        )
        return self._take(agent, "exe")

    def _party(self, code: str, name: str, key: bytes) -> Link:
        agent = Agent(identifiers=(_identifier(key),), names=(Term(printable(name)),), type=term("agentType", code))
        return self._take(agent, "imp")

    def _take(self, agent: Agent, role: str) -> Link:
        self._agents.append(agent)
        return Link(agent.identifiers[0], (term("eventRelatedAgentRole", role),))


def _identifier(key: bytes) -> Identifier:
    return Identifier(UUID_TYPE, str(object_uuid(_NAMESPACE, key)))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
