"""The protocols that come with Vicino, read once."""

from functools import cache
from importlib.resources import files

from server.domain.plan_changes import Unusual, unusual
from server.domain.plans import Plan
from server.domain.protocols import Protocol, parse_protocol


def texts() -> dict[str, str]:
    """Return the TOML of the protocols that come with Vicino, by name."""
    folder = files("server") / "protocols"
    return {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }


@cache
def protocols() -> dict[str, Protocol]:
    """Return them checked, by name."""
    return {name: parse_protocol(text, f"{name}.toml") for name, text in texts().items()}


def beyond_usual(plan: Plan) -> list[Unusual]:
    """Return what watches less than any protocol that comes with Vicino (hazard H8)."""
    return unusual(plan, [protocol.plan() for protocol in protocols().values()])
