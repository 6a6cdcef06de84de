"""The statements on the way of a measurement, built once: to build one costs as much as to run it.

``some`` is a list of a few hundred names or numbers at most.
"""

from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    select,
    update,
)

from server.ports.inputs import Input, InputKind
from server.stores import tables as t

PARTITION: Final = 0


def _some() -> BindParameter[Any]:
    return bindparam("some", expanding=True)


def joined(query: Select[Any]) -> Select[Any]:
    """Join inputs with their measurement and its observations."""
    measurement = and_(
        t.measurements.c.epoch_id == t.inputs.c.epoch_id, t.measurements.c.seq == t.inputs.c.seq
    )
    observation = and_(
        t.observations.c.epoch_id == t.inputs.c.epoch_id, t.observations.c.seq == t.inputs.c.seq
    )
    source = t.inputs.join(t.measurements, measurement).join(t.observations, observation)
    return query.select_from(source)


def of_kind(kind: InputKind) -> ColumnElement[bool]:
    """Tell the inputs of a kind at the positions ``first`` to ``last``."""
    return and_(
        t.inputs.c.partition == PARTITION,
        t.inputs.c.position.between(bindparam("first"), bindparam("last")),
        t.inputs.c.kind == kind,
        t.inputs.c.set_aside.is_(None),
    )


GATEWAYS: Final = (
    select(
        t.gateways.c.id,
        t.gateways.c.chc_id,
        t.chcs.c.zone,
        t.gateways.c.revoked_at,
        t.gateways.c.configuration_version,
        t.gateways.c.configuration,
        t.gateways.c.configuration_in_force,
        t.gateways.c.configuration_refused,
    )
    .join(t.chcs, t.chcs.c.id == t.gateways.c.chc_id)
    .where(t.gateways.c.id.in_(_some()))
)
EPOCHS: Final = select(
    t.epochs.c.gateway_id,
    t.epochs.c.epoch,
    t.epochs.c.id,
    t.epochs.c.receipted_seq,
    t.epochs.c.highest_seq,
).where(t.epochs.c.epoch.in_(_some()))
SOURCES: Final = (
    select(
        t.devices.c.address,
        t.devices.c.chc_id,
        t.device_assignments.c.patient_id,
        t.device_assignments.c.from_at,
        t.device_assignments.c.until_at,
        t.device_assignments.c.user_index,
        t.patients.c.zone,
    )
    .select_from(
        t.devices.outerjoin(
            t.device_assignments.outerjoin(
                t.patients, t.patients.c.id == t.device_assignments.c.patient_id
            ),
            t.device_assignments.c.device_id == t.devices.c.id,
        )
    )
    .where(t.devices.c.address.in_(_some()))
)
SHARE_DEVICES: Final = (
    select(t.devices.c.id)
    .where(t.devices.c.address.in_(_some()))
    .order_by(t.devices.c.id)
    .with_for_update(read=True, key_share=True)
)
CONTENTS: Final = select(t.measurements.c.content_id, t.measurements.c.element).where(
    t.measurements.c.content_id.in_(_some())
)
ELEMENTS: Final = select(t.measurements.c.seq, t.measurements.c.element).where(
    t.measurements.c.epoch_id == bindparam("epoch_id"), t.measurements.c.seq.in_(_some())
)
STORED_SEQS: Final = (
    select(t.measurements.c.seq)
    .where(
        t.measurements.c.epoch_id == bindparam("epoch_id"),
        t.measurements.c.seq > bindparam("above"),
    )
    .order_by(t.measurements.c.seq)
)
MOVE_EPOCH: Final = (
    update(t.epochs)
    .where(t.epochs.c.id == bindparam("of"))
    .values(
        receipted_seq=bindparam("receipted"),
        highest_seq=bindparam("highest"),
        measurements=t.epochs.c.measurements + bindparam("more_measurements"),
        observations=t.epochs.c.observations + bindparam("more_observations"),
    )
)
UNEXPLAINED: Final = select(
    t.absences.c.patient_id, t.absences.c.code, t.absences.c.window_from, t.absences.c.due_at
).where(t.absences.c.explained_at.is_(None), t.absences.c.patient_id.in_(_some()))
UNNUMBERED: Final = (
    select(t.inputs.c.id).where(t.inputs.c.position.is_(None)).order_by(t.inputs.c.id)
)
CURSOR: Final = (
    select(t.cursors.c.position, t.cursors.c.numbered)
    .where(t.cursors.c.partition == PARTITION)
    .with_for_update()
)
MOVE_CURSOR: Final = (
    update(t.cursors)
    .where(t.cursors.c.partition == PARTITION)
    .values(position=bindparam("to"), moved_at=bindparam("now"))
)
NUMBERED: Final = (
    update(t.cursors).where(t.cursors.c.partition == PARTITION).values(numbered=bindparam("until"))
)
AFTER: Final = (
    select(*(t.inputs.c[name] for name in Input._fields))
    .where(
        t.inputs.c.partition == PARTITION,
        t.inputs.c.position > bindparam("above"),
        t.inputs.c.set_aside.is_(None),
    )
    .order_by(t.inputs.c.position)
    .limit(bindparam("most"))
)
OBSERVATIONS: Final = joined(
    select(
        t.inputs.c.patient_id,
        t.observations.c.code,
        t.measurements.c.measured_at,
        t.measurements.c.content_id,
        t.observations.c.value,
        t.observations.c.epoch_id,
        t.observations.c.seq,
        t.observations.c.steady,
    )
).where(of_kind(InputKind.ATTRIBUTED))
