"""``vicino-server plan add|propose|confirm|list``."""

import argparse
from collections.abc import Iterator

from msgspec import Struct

from server.commands.protocols import protocol
from server.commands.records import Action, add_record_parser
from server.domain.duty import hours_text
from server.domain.plans import Plan
from server.domain.protocols import fitted
from server.ports.store import Transaction
from server.services.duty import uncovered_of
from server.services.setting_up import Confirmation, NewPlan, add_plan, confirm_plan


class FromProtocol(Struct, forbid_unknown_fields=True, kw_only=True):
    """A draft with the rules of a protocol, fitted to the patient: see ``protocols.fitted``."""

    patient: str
    author: str
    protocol: str
    changes: Plan = Plan()
    without: str = ""
    reason: str = ""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    actions = {
        "add": Action(NewPlan, add_plan, "Write drafts of plans; prints each version."),
        "propose": Action(FromProtocol, _propose, "Write drafts from a protocol."),
        "confirm": Action(Confirmation, _confirm, "Confirm a version, as a doctor."),
    }
    add_record_parser(subparsers, "plan", "write, confirm and list plans", actions, _listing)


def _propose(tx: Transaction, new: FromProtocol, now: int) -> int:
    without = new.without.replace(",", " ").split()
    plan = fitted(protocol(new.protocol), new.changes, without, new.reason)
    return add_plan(tx, NewPlan(patient=new.patient, author=new.author, plan=plan), now)


def _confirm(tx: Transaction, new: Confirmation, now: int) -> str:
    """Confirm, and say what is watched from when, what is no longer, and who does not watch when
    (hazards H8, H9)."""
    version = confirm_plan(tx, new, now)
    patient = tx.directory.patient_by_reference(new.patient)
    assert patient is not None  # noqa: S101 - just confirmed
    rows = [row for row in tx.directory.plans(patient.id) if row.in_force_from is not None]
    by_time = sorted(rows, key=lambda row: (row.in_force_from or 0, row.version))
    own = next(row for row in by_time if row.version == version)
    before = next((row for row in by_time[::-1] if row is not own), own)
    watched, lost = own.plan.watched(), before.plan.watched() - own.plan.watched()
    said = [f"watches {', '.join(sorted(watched)) or 'NOTHING'}"]
    if lost:
        said.append(f"no longer {', '.join(sorted(lost))}")
    current = [row for row in by_time if (row.in_force_from or 0) <= now]
    if not current or current[-1] is not own:
        said.append("NOT in force now")
    if new.until is not None:
        said.append(f"until {new.until}, then version {before.version} again")
    spans = uncovered_of(tx.directory.chc_by_id(patient.chc_id))
    said.append(f"hours nobody covers: {hours_text(spans) or 'none'}")
    return f"{version} ({'; '.join(said)})"


def _listing(tx: Transaction) -> Iterator[dict[str, object]]:
    for patient in tx.directory.patients(None):
        for row in tx.directory.plans(patient.id):
            yield {
                "patient": patient.reference,
                "version": row.version,
                "author": row.author,
                "confirmed_by": row.confirmed_by,
                "declined_by": row.declined_by,
                "default": row.version == 0,
                "plan": row.plan,
            }
