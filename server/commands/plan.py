"""``vicino-server plan add|confirm|list``."""

import argparse
from collections.abc import Iterator

from server.commands.records import Action, add_record_parser
from server.ports.store import Transaction
from server.services.setting_up import Confirmation, NewPlan, add_plan, confirm_plan


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    actions = {
        "add": Action(NewPlan, add_plan, "Write drafts of plans; prints each version."),
        "confirm": Action(Confirmation, confirm_plan, "Confirm a version, as a doctor."),
    }
    add_record_parser(subparsers, "plan", "write, confirm and list plans", actions, _listing)


def _listing(tx: Transaction) -> Iterator[dict[str, object]]:
    for patient in tx.directory.patients(None):
        for row in tx.directory.plans(patient.id):
            yield {
                "patient": patient.reference,
                "version": row.version,
                "author": row.author,
                "confirmed_by": row.confirmed_by,
                "plan": row.plan,
            }
