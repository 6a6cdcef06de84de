"""What a message to a member of staff says. It leaves the server: no name of a patient, no value,
no rule and no reason is in it, only that something waits, how urgent it is, where, and a link.
"""

from collections.abc import Callable
from typing import Final

from server.domain.priorities import Priority
from server.services.delivering import Letter, Text
from server.web.catalogues import N_, known, translations

_CHC_NAME_MAX: Final = 80
_ONE: Final = {
    Priority.HIGH: N_("Vicino: a high alert waits (%(chc)s)."),
    Priority.MEDIUM: N_("Vicino: a medium alert waits (%(chc)s)."),
    Priority.LOW: N_("Vicino: a low alert waits (%(chc)s)."),
}
_SEVERAL: Final = {
    Priority.HIGH: N_("Vicino: %(num)s alerts wait, the most urgent is high (%(chc)s)."),
    Priority.MEDIUM: N_("Vicino: %(num)s alerts wait, the most urgent is medium (%(chc)s)."),
    Priority.LOW: N_("Vicino: %(num)s low alerts wait (%(chc)s)."),
}
_TEST: Final = N_("Vicino: this is a test. Messages reach you here (%(chc)s).")


def writer(page_url: str) -> Callable[[Letter], Text]:
    """Return what writes letters that link to pages under an address."""

    def write(letter: Letter) -> Text:
        count, path = len(letter.alert_ids), "/worklist"
        said = _SEVERAL[letter.priority]
        if count == 0:
            said, path = _TEST, "/account/channels"
        elif count == 1:
            said, path = _ONE[letter.priority], f"/alerts/{letter.alert_ids[0]}"
        chc = " ".join(letter.chc_name.split())[:_CHC_NAME_MAX]
        subject = translations(known(letter.language)).gettext(said) % {"chc": chc, "num": count}
        return Text(subject, f"{subject}\n{page_url}{path}\n")

    return write
