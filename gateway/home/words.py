"""What the page says, in the three languages of the valleys."""

from collections.abc import Mapping
from typing import Final

from gateway.home.situation import Situation

LANGUAGES: Final = {"it": "Italiano", "fr": "Français", "en": "English"}
TITLE: Final = {
    "it": "La scatola di Vicino",
    "fr": "Le boîtier Vicino",
    "en": "The Vicino box",
}
SITUATIONS: Final[Mapping[str, Mapping[Situation, str]]] = {
    "it": {
        Situation.SENT: "Tutto inviato. La Casa della Comunità ha ricevuto tutte le misure.",
        Situation.SENDING: "Ricevuto. La misura sta partendo.",
        Situation.WAITS: "Ricevuto, non ancora inviato: manca la rete. La misura è al sicuro qui e"
        " partirà da sola. Se non sta bene, telefoni.",
        Situation.HELP: "La scatola non riesce a ricevere le misure. Avvisi la Casa della"
        " Comunità.",
    },
    "fr": {
        Situation.SENT: "Tout est envoyé. La Maison de la Communauté a reçu toutes les mesures.",
        Situation.SENDING: "Reçu. La mesure est en train de partir.",
        Situation.WAITS: "Reçu, pas encore envoyé : il n’y a pas de réseau. La mesure est en"
        " sûreté ici et partira toute seule. Si vous n’allez pas bien, téléphonez.",
        Situation.HELP: "Le boîtier n’arrive pas à recevoir les mesures. Prévenez la Maison de la"
        " Communauté.",
    },
    "en": {
        Situation.SENT: "All sent. The Community Health Centre has received every measurement.",
        Situation.SENDING: "Received. The measurement is leaving now.",
        Situation.WAITS: "Received, not sent yet: there is no network. The measurement is safe here"
        " and will leave by itself. If you do not feel well, phone.",
        Situation.HELP: "The box cannot receive measurements. Tell the Community Health Centre.",
    },
}
LAST: Final = {
    "it": "Ultima misura ricevuta: {when}",
    "fr": "Dernière mesure reçue : {when}",
    "en": "Last measurement received: {when}",
}
NONE_YET: Final = {
    "it": "Nessuna misura ricevuta finora.",
    "fr": "Aucune mesure reçue jusqu’ici.",
    "en": "No measurement received yet.",
}
WAITING: Final = {
    "it": "In attesa di partire: {count}",
    "fr": "En attente de départ : {count}",
    "en": "Waiting to leave: {count}",
}
AGO: Final = {
    "it": ("adesso", "{n} minuti fa", "{n} ore fa", "{n} giorni fa"),
    "fr": ("à l’instant", "il y a {n} minutes", "il y a {n} heures", "il y a {n} jours"),
    "en": ("just now", "{n} minutes ago", "{n} hours ago", "{n} days ago"),
}
EMERGENCY: Final = {
    "it": "In caso di emergenza chiami il 112. Questa scatola non chiama nessuno.",
    "fr": "En cas d’urgence, appelez le 112. Ce boîtier n’appelle personne.",
    "en": "In an emergency call 112. This box calls nobody.",
}


def ago(language: str, seconds: float) -> str:
    """Say how long ago, in whole minutes, hours (from two on) or days (from two on)."""
    now, minutes, hours, days = AGO[language]
    if seconds < 120:
        return now
    if seconds < 2 * 3600:
        return minutes.format(n=int(seconds // 60))
    if seconds < 2 * 86400:
        return hours.format(n=int(seconds // 3600))
    return days.format(n=int(seconds // 86400))


def preferred(accepted: str) -> str:
    """Choose the language of an Accept-Language header; Italian where none is ours."""
    for part in accepted.split(","):
        code = part.split(";")[0].strip()[:2].lower()
        if code in LANGUAGES:
            return code
    return "it"
