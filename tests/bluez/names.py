"""The scenarios' names: the host has no need of what the guest does."""

CORE = ("indication", "bonding", "daemon-killed")
BONDS = ("device-forgot", "box-forgot", "passkey")
EVERY = (*CORE, "link-lost", "three-at-once", "adapter-off", *BONDS)
