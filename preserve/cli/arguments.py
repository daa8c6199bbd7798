"""What the words of the command line say before they are parsed. Imports nothing: the entry needs it first."""


def asks_for_json(arguments: list[str]) -> bool:
    """Whether standard output should be one JSON document, however wrong the rest of the arguments may be."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options
