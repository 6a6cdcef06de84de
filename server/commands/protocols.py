"""The protocols that come with Vicino, and one's own from a file."""

from importlib.resources import files
from pathlib import Path

from server.domain.protocols import Protocol, parse_protocol
from server.errors import WrongInput


def shipped() -> dict[str, str]:
    """Return the TOML of the protocols that come with Vicino, by name."""
    folder = files("server") / "protocols"
    return {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }


def protocol(name: str) -> Protocol:
    """Return one that came with Vicino, or that of a file. Raises ``WrongInput``."""
    try:
        text = shipped()[name] if name in shipped() else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInput(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    return parse_protocol(text, name)
