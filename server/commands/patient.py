"""``vicino-server patient add|list``."""

import argparse
from collections.abc import Iterator

from server.commands.records import Action, add_record_parser
from server.ports.store import Transaction
from server.services.setting_up import NewPatient, add_patient


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    actions = {"add": Action(NewPatient, add_patient, "Enrol patients.")}
    add_record_parser(subparsers, "patient", "enrol and list patients", actions, _listing)


def _listing(tx: Transaction) -> Iterator[dict[str, object]]:
    """Print references and ids only: a terminal is no place for identities."""
    for patient in tx.directory.patients(None):
        yield {
            "reference": patient.reference,
            "id": patient.id,
            "chc": tx.directory.chc_by_id(patient.chc_id).name,
        }
