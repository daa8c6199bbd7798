"""A second opinion on a bag that was validated: asked for, put among the findings, and made into a view."""

from preserve.bag.opinions.opinion import Opinion, Word
from preserve.bag.opinions.second_opinion import ask
from preserve.bag.validating.validation import Validation
from preserve.progress import Progress
from reports.rows import DifferenceLine, OpinionView


def second_opinion(bag: bytes, result: Validation, *, seconds: float, progress: Progress) -> OpinionView:
    """Asks bagit-python. Where it differs, or has no opinion, a warning joins the findings; the outcome stays ours.

    Args:
        seconds: how long our own validation took.
    """
    opinion = ask(bag, result, seconds=seconds, progress=progress)
    if opinion.finding is not None:
        result.findings.add(opinion.finding)
    return opinion_view(opinion)


def opinion_view(opinion: Opinion) -> OpinionView:
    return OpinionView(
        tool=opinion.tool,
        verdict=opinion.verdict.value,
        had=opinion.verdict in (Word.VALID, Word.INVALID),
        agrees=opinion.agrees,
        why=opinion.why,
        differences=tuple(DifferenceLine(*each) for each in opinion.differences),
        more_differences=opinion.more_differences,
        explanations=opinion.explanations,
        looked_at=opinion.looked_at,
    )
