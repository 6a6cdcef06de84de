"""The engine's snapshot as a file: a SHA-256, then arrays, the last position and the database's id.

A snapshot of another database, ahead of it, of another layout, or damaged, is not taken: the
engine then folds the log from its start. One ahead of its database is removed: the database was
put back from an older copy, and would one day pass by the snapshot's position with other inputs.
"""

import json
import logging
import os
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np

from server.engine.state import State

LAYOUT: Final = 8
_DIGEST_BYTES: Final = 32
_ARRAYS: Final = ("rows", "limits", "due_at", "owner", "slots")
_TABLE: Final = "table-"
log = logging.getLogger(__name__)


def save(path: Path, state: State, database_id: str) -> None:
    """Write a snapshot in place of the last one, durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = {
        "layout": LAYOUT,
        "database": database_id,
        "position": state.position,
        "used": state.used,
        "tables": {name: table.used for name, table in state.tables.items()},
        "zones": state.zones,
    }
    arrays = {name: getattr(state, name) for name in _ARRAYS}
    arrays |= {_TABLE + name: table.rows for name, table in state.tables.items()}
    packed = BytesIO()
    np.savez(packed, meta=json.dumps(meta), **arrays)
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(sha256(packed.getbuffer()).digest())
        file.write(packed.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def load(path: Path, database_id: str, cursor: int) -> State:
    """Return the snapshot's state, or an empty one where it cannot be used."""
    try:
        content = path.read_bytes()
        # Before anything is read: what unpacks may still be damaged, and fails in many ways.
        if sha256(content[_DIGEST_BYTES:]).digest() != content[:_DIGEST_BYTES]:
            log.warning("the snapshot is damaged, the log is folded anew")
            return State()
        with np.load(BytesIO(content[_DIGEST_BYTES:]), allow_pickle=False) as saved:
            meta = json.loads(str(saved["meta"]))
            if (meta["layout"], meta["database"]) != (LAYOUT, database_id):
                log.warning("the snapshot is of another database or layout: not used")
                return State()
            if meta["position"] > cursor:
                log.warning("the snapshot is ahead of the database: removed")
                path.unlink()
                return State()
            state = State(
                position=meta["position"],
                used=meta["used"],
                zones=meta["zones"],
                **{name: saved[name] for name in _ARRAYS},
            )
            for name, table in state.tables.items():
                table.rows, table.used = saved[_TABLE + name], meta["tables"][name]
            return state
    except FileNotFoundError:
        return State()
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("the snapshot cannot be read, the log is folded anew: %s", error)
        return State()
