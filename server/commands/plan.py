"""``vicino-server plan add|confirm|list``."""

import argparse
from collections.abc import Iterator

from server.commands.records import Action, add_record_parser
from server.domain.duty import hours_text
from server.ports.store import Transaction
from server.services.duty import uncovered_of
from server.services.setting_up import Confirmation, NewPlan, add_plan, confirm_plan


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    actions = {
        "add": Action(NewPlan, add_plan, "Write drafts of plans; prints each version."),
        "confirm": Action(Confirmation, _confirm, "Confirm a version, as a doctor."),
    }
    add_record_parser(subparsers, "plan", "write, confirm and list plans", actions, _listing)


def _confirm(tx: Transaction, new: Confirmation, now: int) -> str:
    """Confirm, and say who does not watch when (hazard H9)."""
    version = confirm_plan(tx, new, now)
    patient = tx.directory.patient_by_reference(new.patient)
    assert patient is not None  # noqa: S101 - just confirmed
    spans = uncovered_of(tx.directory.chc_by_id(patient.chc_id))
    return f"{version} (hours nobody covers: {hours_text(spans) or 'none'})"


def _listing(tx: Transaction) -> Iterator[dict[str, object]]:
    for patient in tx.directory.patients(None):
        for row in tx.directory.plans(patient.id):
            yield {
                "patient": patient.reference,
                "version": row.version,
                "author": row.author,
                "confirmed_by": row.confirmed_by,
                "default": row.version == 0,
                "plan": row.plan,
            }
