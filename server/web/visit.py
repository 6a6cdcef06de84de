"""One request: who asks, in which language, with which form; and the page that answers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from server.domain.duty import ENDS_SOON, Duty
from server.domain.instants import at_local, civil_day
from server.domain.roles import Action, Role, may
from server.ports.directory import Chc, Session, User
from server.ports.store import Transaction
from server.services.duty import duty_from
from server.web import texts
from server.web.catalogues import LANGUAGES, formats, known, preferred
from server.web.site import Site
from server.web.wording import Wording

SEE_OTHER: Final = 303


class SignInNeeded(Exception):
    """Nobody is signed in; ``came_from`` is where to go on, quoted."""

    def __init__(self, came_from: str) -> None:
        super().__init__("sign in first")
        self.came_from = came_from


@dataclass(frozen=True)
class Visit:
    """A request to a page. ``form`` is filled by the guard where something is to be changed.

    ``waiting`` counts the measurements of the CHC that a person must decide on, for who may.
    """

    site: Site
    now: int
    language: str
    path: str
    query: Mapping[str, str]
    session: Session | None
    token: str
    chc: Chc | None
    duty: Duty | None
    readers: Sequence[User]
    waiting: int = 0
    form: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, site: Site, request: Request, session: Session | None, token: str) -> "Visit":
        """Make the visit of a request; reads the CHC of who is signed in."""
        now = site.now()
        chc: Chc | None = None
        duty: Duty | None = None
        readers: list[User] = []
        waiting = 0
        if session is not None:
            with site.store.read() as tx:
                chc = tx.directory.chc_by_id(session.user.chc_id)
                readers = tx.directory.on_duty(chc.id, now)
                if may(Role(session.user.role), Action.RELEASE_HELD):
                    waiting = tx.views.waiting_count(chc.id)
            duty = duty_from(chc, readers, now)
            language = known(session.user.language)
        else:
            asked = request.query_params.get("language")
            accepted = preferred(request.headers.get("accept-language", ""))
            language = asked if asked in LANGUAGES else accepted
        return cls(
            site,
            now,
            language,
            request.url.path,
            request.query_params,
            session,
            token,
            chc,
            duty,
            readers,
            waiting,
        )

    @property
    def user(self) -> User:
        """Who is signed in; only behind a door that asks for it."""
        assert self.session is not None  # noqa: S101 - the guard lets nobody else through
        return self.session.user

    @property
    def shift_until(self) -> int | None:
        """When the reader's own duty ends, or None off duty."""
        mine = [one.on_duty_until for one in self.readers if one.name == self.user.name]
        return mine[0] if mine else None

    @property
    def shift_ends_soon(self) -> bool:
        """Whether there is little time left to hand over, or to stay on."""
        until = self.shift_until
        return until is not None and until <= self.now + ENDS_SOON

    @property
    def colleagues(self) -> list[User]:
        """Who else is on duty."""
        return [one for one in self.readers if one.name != self.user.name]

    @property
    def reads_last(self) -> bool:
        """Whether nobody else is there who answers clinical alerts, should the reader go."""
        duty = self.duty
        return duty is not None and not duty.recipient and duty.carers == [self.user.name]

    @property
    def zone_name(self) -> str:
        """The zone of the reader's CHC."""
        return self.chc.zone_name if self.chc else "Europe/Rome"

    def may(self, action: Action) -> bool:
        """Tell whether the reader may do something."""
        return self.session is not None and may(Role(self.user.role), action)

    def words(self, zone_name: str | None = None) -> Wording:
        """Return the page's language, in the CHC's zone or another one."""
        return Wording(self.language, zone_name or self.zone_name, self.now)

    def today(self) -> int:
        """Return when the civil day of the CHC began."""
        return at_local(civil_day(self.now, self.zone_name), 0, self.zone_name)

    def render(self, template: str, **values: object) -> str:
        """Make the text of a page or of a part of it."""
        environment = self.site.environments[self.language]
        shared: dict[str, object] = {
            "visit": self,
            "user": self.session.user if self.session else None,
            "csrf": self.session.csrf if self.session else "",
            "w": self.words(),
            "texts": texts,
            "languages": LANGUAGES,
            "locale": formats(self.language).replace("_", "-"),
            "Action": Action,
            "done": texts.DONE.get(self.query.get("done", "")),
        }
        return environment.get_template(template).render({**shared, **values})

    def page(self, template: str, status_code: int = 200, **values: object) -> HTMLResponse:
        """Answer with a page."""
        return HTMLResponse(self.render(template, **values), status_code)

    def see(self, path: str) -> Response:
        """Answer a form that was taken: go and look."""
        return RedirectResponse(path, SEE_OTHER)

    def looked_at(self, tx: Transaction, patient_id: int, what: str, detail: str = "") -> None:
        """Put a look at a patient on the record."""
        chc_id = self.user.chc_id
        tx.audit(
            self.user.name, what, self.now, chc_id=chc_id, patient_id=patient_id, detail=detail
        )


def _visit(request: Request) -> Visit:
    visit: Visit = request.state.visit
    return visit


def own_path(path: str) -> bool:
    """Tell whether an address stays on this site: browsers read ``//`` and ``/\\`` as another."""
    return (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and path.isprintable()
    )


Here = Annotated[Visit, Depends(_visit)]
# What the tables' keys can hold; anything else is an address that nothing has.
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
Seq = Annotated[int, Path(ge=1, le=2**63 - 1)]


def people(tx: Transaction) -> dict[str, str]:
    """Return the full names of staff by their sign-in names."""
    return {user.name: user.full_name for user in tx.directory.users()}
