"""The scenarios' names: the host has no need of what the guest does."""

CORE = ("indication", "bonding", "daemon-killed")
EVERY = (*CORE, "link-lost", "three-at-once")
