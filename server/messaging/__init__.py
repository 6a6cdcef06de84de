"""The channels that reach staff."""
