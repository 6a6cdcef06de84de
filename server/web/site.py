"""What all pages share: the store, the clock, what tells of changes, and how pages are made."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.ports.enrolment import Issuer
from server.ports.fleet import Access
from server.ports.store import Store
from server.services.changes import Changes
from server.services.delivering import Post
from server.web.catalogues import LANGUAGES, translations
from server.web.pace import Pace

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
COOKIE: Final = "vicino"


@dataclass
class Site:
    """One server's pages. ``secure`` says that browsers reach them over TLS.

    ``schemas`` are the services beside e-mail that staff may choose to be reached by; ``access``
    is the broker's list of gateways, ``issuer`` certifies them, ``url`` is where they ask.
    """

    store: Store
    changes: Changes
    broker_ready: Callable[[], bool]
    now: Callable[[], int]
    secure: bool
    post: Post
    schemas: Collection[str]
    access: Access
    issuer: Issuer
    url: str
    pace: Pace = field(default_factory=Pace)
    environments: dict[str, Environment] = field(init=False)

    def __post_init__(self) -> None:
        """Read every template's language once."""
        self.environments = {language: _environment(language) for language in LANGUAGES}

    @property
    def cookie(self) -> str:
        """The session cookie's name: browsers take ``__Host-`` only over TLS and for one host."""
        return f"__Host-{COOKIE}" if self.secure else COOKIE

    @cached_property
    def asset_version(self) -> str:
        """A mark in the assets' addresses that changes when they are built anew."""
        built = STATIC / "dist" / "app.js"
        return f"{int(built.stat().st_mtime):x}" if built.exists() else "none"


def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    found = translations(language)
    environment.install_gettext_translations(found, newstyle=True)  # type: ignore[attr-defined]
    # French has a space before a colon, at which no line breaks.
    environment.globals["colon"] = "\N{NO-BREAK SPACE}: " if language == "fr" else ": "
    return environment
