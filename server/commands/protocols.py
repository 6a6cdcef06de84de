"""The protocols that come with Vicino, and one's own from a file."""

from pathlib import Path

from server.domain.protocols import Protocol, parse_protocol
from server.errors import WrongInput
from server.services import shipped


def protocol(name: str) -> Protocol:
    """Return one that came with Vicino, or that of a file. Raises ``WrongInput``."""
    ours = shipped.texts()
    try:
        text = ours[name] if name in ours else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInput(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    return parse_protocol(text, name)
