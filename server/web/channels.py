"""One's own channels: how Vicino reaches the reader away from the screen."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from server.errors import IllegalTransition, WrongInput
from server.ports.channels import Channel, ChannelKind
from server.services import reaching
from server.web.catalogues import N_
from server.web.visit import Here, Id, Visit

router = APIRouter()
PATH: Final = "/account/channels"
_KINDS: Final = {ChannelKind.EMAIL: N_("E-mail"), ChannelKind.APPRISE: N_("Service")}


@router.get(PATH)
def show(visit: Here) -> Response:
    """Show them, and the form for one more."""
    return _page(visit)


@router.post(PATH)
def add(visit: Here) -> Response:
    """Add one."""
    kind, address = visit.form.get("kind", ""), visit.form.get("address", "").strip()
    try:
        with visit.site.store.write() as tx:
            reaching.add(tx, visit.user, kind, address, visit.site.schemas, visit.now)
    except WrongInput as error:
        return _page(visit, 422, wrong=_wrong(error, kind))
    return visit.see(f"{PATH}?done=channel-added")


@router.post(PATH + "/{channel_id}/remove")
def remove(visit: Here, channel_id: Id) -> Response:
    """Remove one."""
    with visit.site.store.write() as tx:
        reaching.remove(tx, visit.user, channel_id, visit.now)
    return visit.see(f"{PATH}?done=channel-removed")


@router.post(PATH + "/{channel_id}/quiet")
def be_quiet(visit: Here, channel_id: Id) -> Response:
    """Set the hours in which low messages wait; two empty fields are none."""
    given = [visit.form.get(name, "") for name in ("from", "until")]
    minutes = [_minute(text) for text in given]
    span = (minutes[0], minutes[1])
    with visit.site.store.write() as tx:
        reaching.find(tx, visit.user, channel_id)
        if any(given) and (None in minutes or minutes[0] == minutes[1]):
            wrong = {f"quiet-{channel_id}": N_("Give two different times, or none.")}
            return _page(visit, 422, wrong=wrong)
        reaching.be_quiet(tx, visit.user, channel_id, _both(span), visit.now)
    return visit.see(f"{PATH}?done=quiet-hours")


@router.post(PATH + "/{channel_id}/test")
def test(visit: Here, channel_id: Id) -> Response:
    """Send a test message now, and say what came of it."""
    chc_name = visit.chc.name if visit.chc else ""
    try:
        with visit.site.store.write() as tx:
            letter = reaching.begin_test(tx, visit.user, channel_id, chc_name, visit.now)
    except IllegalTransition:
        return _page(visit, 409, tested=channel_id, too_soon=True)
    error = visit.site.post.send(letter)
    with visit.site.store.write() as tx:
        reaching.end_test(tx, visit.user, channel_id, error, visit.site.now())
    return _page(visit, tested=channel_id, error=error)


def _page(
    visit: Visit,
    status: int = 200,
    *,
    wrong: dict[str, str] | None = None,
    tested: int | None = None,
    error: str | None = None,
    too_soon: bool = False,
) -> Response:
    with visit.site.store.read() as tx:
        channels = tx.channels.of_user(visit.user.id)
    return visit.page(
        "channels.html",
        status,
        channels=channels,
        shown={one.id: _shown(one) for one in channels},
        schemas=sorted(visit.site.schemas),
        kinds=_KINDS,
        full=len(channels) >= reaching.CHANNELS_MAX,
        wrong=wrong or {},
        tested=tested,
        error=error,
        too_soon=too_soon,
    )


def _shown(channel: Channel) -> str:
    """Return what of an address is shown: that of a service may carry a key."""
    if channel.kind is ChannelKind.EMAIL:
        return channel.address
    return channel.address.partition("://")[0] + "://…"


def _wrong(error: WrongInput, kind: str) -> dict[str, str]:
    if str(error).startswith("kind"):
        return {"kind": N_("Choose how you are reached.")}
    if "already" in str(error):
        return {"address": N_("You have this one already.")}
    if "at most" in str(error):
        return {"address": N_("You have five: remove one first.")}
    if kind == ChannelKind.EMAIL:
        return {"address": N_("Write one e-mail address, like name@example.org.")}
    return {"address": N_("Write an address of a service that is allowed here, without a ?.")}


def _minute(text: str) -> int | None:
    """Read a time of the day as browsers send it."""
    hours, _, minutes = text.partition(":")
    if not (len(text) == len("08:00") and hours.isdecimal() and minutes.isdecimal()):
        return None
    minute = int(hours) * 60 + int(minutes)
    return minute if int(minutes) < 60 and minute < reaching.DAY_MINUTES else None


def _both(span: tuple[int | None, int | None]) -> tuple[int, int] | None:
    first, last = span
    return (first, last) if first is not None and last is not None else None
