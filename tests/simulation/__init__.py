"""A care team's months in virtual time, on the real services."""
