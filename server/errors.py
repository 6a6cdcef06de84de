"""What can go wrong in the server: a class only where a caller acts differently.

    ServerError
      + SettingsError        the settings cannot be used: say so and exit 2, before any connection
      + StoreUnavailable     the database is away: try again, bounded; nothing is acknowledged
      + DatabaseTaken        another server runs on the database: end, and leave it to the other
      + ReplicaUnavailable   the time-series replica is away: try again later, nothing waits for it
      + BrokerUnavailable    the broker is away or will not start: try again, bounded
      + NotPermitted         this person may not, or this name must not be given: tell them
      + IllegalTransition    an alert or a plan is not in a state that allows it: tell the person
      + WrongInput           what a person wrote cannot be taken: tell them which key and why
      + NotFound             what was named does not exist, or is another CHC's: tell the person

Anything else is a bug and ends the process.
"""


class ServerError(Exception):
    """The root: never raised itself."""


class SettingsError(ServerError):
    """The settings cannot be used; the text names the file, the key and the reason."""


class StoreUnavailable(ServerError):
    """The database cannot be reached or written to now."""


class DatabaseTaken(ServerError):
    """Another process serves this database."""


class ReplicaUnavailable(ServerError):
    """The time-series replica did not take what it was sent."""


class BrokerUnavailable(ServerError):
    """The broker cannot be reached, did not start, or did not take its new configuration."""


class NotPermitted(ServerError):
    """Refused for good: another try changes nothing."""


class StaleForm(NotPermitted):
    """A form of an earlier session: nothing of it was done."""


class IllegalTransition(ServerError):
    """The thing is no longer, or not yet, in a state that allows this."""


class NotFound(ServerError):
    """Nothing of that name within the asker's reach."""


class WrongInput(ServerError):
    """What a person or a file gave cannot be taken; the text names the key and the reason."""
