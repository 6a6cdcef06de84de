"""Everything that stands in for hardware and people: devices, gateways, patients, staff."""
