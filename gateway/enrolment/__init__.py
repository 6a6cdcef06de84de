"""The box's own key, and the certificates that the server gives to it."""

from gateway.enrolment.enrol import Place, enrol, key_mark
from gateway.enrolment.renewal import Renewal

__all__ = ["Place", "Renewal", "enrol", "key_mark"]
