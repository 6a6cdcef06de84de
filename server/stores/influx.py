"""InfluxDB 2 as the time-series replica, written as line protocol.

A point's series is (measurement ``observation``, tags patient, chc, code) and its time the
measured-at in milliseconds: writing it again overwrites it with itself. The tags carry database
numbers, never a name. A comparator is a field of its own (``beyond``): it is no value.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from contract.codes import BY_NUMBER, unscaled
from server.domain.instants import to_datetime
from server.engine.rules import COMPARATOR
from server.errors import ReplicaUnavailable
from server.ports.replica import Point
from server.settings import Influx

# What only speaks InfluxDB's way of writing has no call to delete.
_NO_SUCH_CALL: Final = (400, 404, 405, 501)

log = logging.getLogger(__name__)


class InfluxReplica:
    """See ``ports.replica.TimeSeries``. Making it opens no connection."""

    def __init__(self, settings: Influx) -> None:
        self._client = InfluxDBClient(
            settings.url, settings.token, org=settings.org, timeout=10_000, enable_gzip=True
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        self._deleter = self._client.delete_api()
        self._bucket = settings.bucket

    def write(self, points: Sequence[Point]) -> None:
        lines = "\n".join(line(point) for point in points)
        try:
            self._writer.write(bucket=self._bucket, record=lines, write_precision="ms")
        except (ApiException, HTTPError, OSError) as error:
            raise ReplicaUnavailable(f"{type(error).__name__}: {error}"[:200]) from error

    def erase(self, points: Sequence[Point]) -> None:
        try:
            for point in points:
                at = to_datetime(point.measured_at)
                span = at, at + timedelta(microseconds=500)  # its own millisecond
                self._deleter.delete(*span, series(point), bucket=self._bucket)
        except ApiException as error:
            if error.status not in _NO_SUCH_CALL:
                raise ReplicaUnavailable(f"{type(error).__name__}: {error}"[:200]) from error
            log.warning("the time-series replica cannot take points out: build it anew")
        except (HTTPError, OSError) as error:
            raise ReplicaUnavailable(f"{type(error).__name__}: {error}"[:200]) from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def series(point: Point) -> str:
    """Return what tells a point's series in a call that deletes."""
    code = BY_NUMBER[point.code].value
    return f'_measurement="observation" AND patient="{point.patient_id}" AND code="{code}"'


def line(point: Point) -> str:
    """Return one point as a line of the protocol; nothing in it needs escaping."""
    code = BY_NUMBER[point.code]
    if abs(point.value) == COMPARATOR:
        said = f"beyond={1 if point.value > 0 else -1}i"
    else:
        said = f"value={unscaled(code, point.value)}"
    tags = f"chc={point.chc_id},code={code.value},patient={point.patient_id}"
    return f"observation,{tags} {said} {point.measured_at}"
