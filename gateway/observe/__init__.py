"""From decoded bytes to the measurement that travels, and to what ``decode`` prints."""

from gateway.observe.conversion import converted
from gateway.observe.measurement import Delivery, measure
from gateway.observe.printed import print_line, printed

__all__ = ["Delivery", "converted", "measure", "print_line", "printed"]
