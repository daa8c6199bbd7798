"""What came of adopting one bag, as the reports take it."""

from checks.algorithms import WEAK
from checks.evidence import Outcome
from preserve.app.bag_views import validation_view
from preserve.catalog.reconciling import PlaceRow
from preserve.ingest.adopted import Adopted, Became, left
from reports.adoption import AdoptedLine


def recorded_line(place: PlaceRow) -> AdoptedLine:
    """A folder in which a copy is recorded already."""
    if place.removed:
        problem = f"it is a copy of {place.package}, which was removed"
        return line_of(
            left(place.location, problem, "`preserve remove --delete-copies` deletes it.", package=place.package)
        )
    return AdoptedLine(
        path=place.location,
        became="already",
        outcome=Outcome.PASS,
        package=place.package,
        version=place.version,
        size_bytes=place.size_bytes,
    )


def line_of(adopted: Adopted) -> AdoptedLine:
    """What became of a bag, and how strong its own manifests are."""
    validation = adopted.validation
    view = None if validation is None else validation_view(adopted.location, validation)
    algorithms = () if validation is None else validation.algorithms
    strength = ""
    if adopted.became is not Became.NOTHING and set(algorithms) <= WEAK:
        strength = (
            f"its own manifests are {', '.join(algorithms)} alone: good against decay, not against forgery; "
            "SHA-256 stands in the catalog from now on"
        )
    return AdoptedLine(
        path=adopted.location,
        became=adopted.became.value,
        outcome=adopted.outcome,
        package=adopted.package,
        version=adopted.version,
        files=adopted.files,
        size_bytes=adopted.size_bytes if adopted.files else None,
        evidence="" if adopted.evidence is None else adopted.evidence.label,
        strength=strength,
        problem=adopted.problem,
        remedy=adopted.remedy,
        bag=view,
    )
