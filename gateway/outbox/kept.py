"""What the outbox still holds, read beside a gateway that runs."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from contract.messages import Measurement, element_decoder
from gateway.errors import OutboxUnavailable


def kept(path: Path) -> Iterator[Measurement]:
    """Yield what waits, oldest first, then what was refused and set aside.

    Raises ``OutboxUnavailable`` where there is no outbox, or it cannot be read.
    """
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            rows = list(
                connection.execute(
                    "select body from (select 0 as place, seq as number, body from waiting"
                    " where not tombstone union all select 1, number, body from set_aside)"
                    " order by place, number"
                )
            )
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise OutboxUnavailable(f"{path}: {error}") from error
    for (body,) in rows:
        element = element_decoder.decode(body)
        if isinstance(element, Measurement):
            yield element
