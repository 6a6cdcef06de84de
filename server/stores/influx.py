"""InfluxDB 2 as the time-series replica, written as line protocol.

A point's series is (measurement ``observation``, tags patient, chc, code) and its time the
measured-at in milliseconds: writing it again overwrites it with itself. The tags carry database
numbers, never a name. A comparator is a field of its own (``beyond``): it is no value.
"""

from collections.abc import Sequence

from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from contract.codes import BY_NUMBER, unscaled
from server.engine.rules import COMPARATOR
from server.errors import ReplicaUnavailable
from server.ports.replica import Point
from server.settings import Influx


class InfluxReplica:
    """See ``ports.replica.TimeSeries``. Making it opens no connection."""

    def __init__(self, settings: Influx) -> None:
        self._client = InfluxDBClient(
            settings.url, settings.token, org=settings.org, timeout=10_000, enable_gzip=True
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        self._bucket = settings.bucket

    def write(self, points: Sequence[Point]) -> None:
        lines = "\n".join(line(point) for point in points)
        try:
            self._writer.write(bucket=self._bucket, record=lines, write_precision="ms")
        except (ApiException, HTTPError, OSError) as error:
            raise ReplicaUnavailable(f"{type(error).__name__}: {error}"[:200]) from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def line(point: Point) -> str:
    """Return one point as a line of the protocol; nothing in it needs escaping."""
    code = BY_NUMBER[point.code]
    if abs(point.value) == COMPARATOR:
        said = f"beyond={1 if point.value > 0 else -1}i"
    else:
        said = f"value={unscaled(code, point.value)}"
    tags = f"chc={point.chc_id},code={code.value},patient={point.patient_id}"
    return f"observation,{tags} {said} {point.measured_at}"
