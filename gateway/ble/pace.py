"""How often a stream makes a measurement: an oximeter may say its values many times a second."""

from contract.profiles import Profile


class Pace:
    """Lets through one value of a characteristic in the time that the profile says."""

    def __init__(self, profile: Profile) -> None:
        self._seconds = {
            one.characteristic_uuid: one.seconds_between for one in profile.measurement
        }
        self._taken_at: dict[str, float] = {}

    def allows(self, characteristic: str, now: float) -> bool:
        """Tell whether a value that came at ``now`` is a measurement, and note it if it is."""
        before = self._taken_at.get(characteristic)
        if before is not None and now - before < self._seconds[characteristic]:
            return False
        self._taken_at[characteristic] = now
        return True
