"""What the box says to the people of the home: received, sent, or what is wrong; never a value."""

from gateway.home.box import Home
from gateway.home.situation import Situation, situation

__all__ = ["Home", "Situation", "situation"]
