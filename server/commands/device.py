"""``vicino-server device add|assign|list``."""

import argparse
from collections.abc import Iterator

from server.commands.records import Action, add_record_parser
from server.ports.store import Transaction
from server.services.setting_up import NewAssignment, NewDevice, add_device, assign_device


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    actions = {
        "add": Action(NewDevice, add_device, "Add devices of a known profile."),
        "assign": Action(NewAssignment, assign_device, "Give devices to patients from a time on."),
    }
    add_record_parser(subparsers, "device", "add, assign and list devices", actions, _listing)


def _listing(tx: Transaction) -> Iterator[dict[str, object]]:
    for address, profile, patient in tx.directory.devices(None):
        yield {"address": address, "profile": profile, "patient": patient}
