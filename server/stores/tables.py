"""The tables. Instants are milliseconds since 1970 in UTC; values are scaled integers.

A measurement's key is (epoch_id, seq): where it stood in its gateway's outbox. So storing it twice
is impossible by construction. Rows carry ``chc_id`` from the first migration on.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite numbers rows by itself only for a column that is exactly INTEGER.
Id: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _instant(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _chc() -> Column[int]:
    return Column("chc_id", Integer, ForeignKey("chcs.id"), nullable=False)


def _patient(*, null: bool = False) -> Column[int]:
    return Column("patient_id", Integer, ForeignKey("patients.id"), nullable=null)


# One row: the database's own id, made with it; a snapshot of another database is not taken.
identity = Table("identity", metadata, Column("id", String(32), primary_key=True))

regions = Table("regions", metadata, _id(), Column("name", String(80), nullable=False, unique=True))
authorities = Table(
    "authorities",
    metadata,
    _id(),
    Column("region_id", Integer, ForeignKey("regions.id"), nullable=False),
    Column("name", String(80), nullable=False, unique=True),
)
chcs = Table(
    "chcs",
    metadata,
    _id(),
    Column("authority_id", Integer, ForeignKey("authorities.id"), nullable=False),
    Column("name", String(80), nullable=False, unique=True),
    Column("zone", String(40), nullable=False),
    # As ``domain.duty`` reads them; empty is the default.
    Column("hours", String(200), nullable=True),
    Column("recipient", String(60), nullable=True),
    Column("recipient_hours", String(200), nullable=True),
    # In the recipient's place, from one instant until another.
    Column("stand_in", String(60), nullable=True),
    _instant("stand_in_from", null=True),
    _instant("stand_in_until", null=True),
)
users = Table(
    "users",
    metadata,
    _id(),
    _chc(),
    Column("name", String(60), nullable=False, unique=True),
    Column("full_name", String(120), nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("language", String(5), nullable=False, server_default="it"),
    Column("failures", Integer, nullable=False, server_default="0"),
    _instant("locked_until", null=True),
    _instant("disabled_at", null=True),
    _instant("on_duty_until", null=True),
)
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    _instant("made_at"),
    _instant("seen_at"),
    Column("address", String(60), nullable=False),
    Column("agent", String(200), nullable=False),
)
patients = Table(
    "patients",
    metadata,
    _id(),
    _chc(),
    Column("reference", String(40), nullable=False, unique=True),
    Column("family_name", String(80), nullable=False),
    Column("given_name", String(80), nullable=False),
    Column("born_on", String(10), nullable=False),
    Column("sex", String(10), nullable=True),
    Column("phone", String(40), nullable=True),
    Column("language", String(5), nullable=False, server_default="it"),
    Column("zone", String(40), nullable=False),
    _instant("enrolled_at"),
    Column("carer", String(120), nullable=True),
    Column("carer_phone", String(40), nullable=True),
    Column("carer_language", String(5), nullable=True),
)
care_teams = Table(
    "care_teams",
    metadata,
    Column("patient_id", Integer, ForeignKey("patients.id"), primary_key=True),
    Column("name", String(60), primary_key=True),
    _chc(),
    Index("ix_care_teams_name", "chc_id", "name"),
)
gateways = Table(
    "gateways",
    metadata,
    Column("id", String(63), primary_key=True),
    _chc(),
    _instant("added_at"),
    _instant("revoked_at", null=True),
    _instant("last_seen_at", null=True),
    _instant("last_measurement_at", null=True),
    _instant("certificate_ends_at", null=True),
    _instant("offline_since", null=True),
    Column("session", String(32), nullable=True),
    Column("clock", String(20), nullable=True),
    Column("version", String(64), nullable=True),
    Column("outbox_depth", Integer, nullable=True),
    Column("set_aside", Integer, nullable=True),
    _instant("back_at", null=True),
    Column("prompts", Boolean, nullable=False, server_default=false()),
    Column("disk_free_bytes", BigInteger, nullable=True),
    Column("clock_ahead_ms", BigInteger, nullable=True),
    Column("boot_id", String(64), nullable=True),
    # When it last said that its radio does not work.
    _instant("deaf_at", null=True),
    Column("radio_restarts", Integer, nullable=True),
    Column("adapter_resets", Integer, nullable=True),
    # The settings that it is given, the version it says is in force, and the one it refused.
    Column("configuration", Text, nullable=True),
    Column("configuration_version", Integer, nullable=False, server_default="0"),
    Column("configuration_in_force", Integer, nullable=True),
    Column("configuration_refused", Integer, nullable=True),
    Column("configuration_refused_because", Text, nullable=True),
    Column("board_celsius", SmallInteger, nullable=True),
    _instant("booted_at", null=True),
    # What stands in for it, once it has no access any more.
    Column("replaced_by", String(63), nullable=True),
    # The key that its certificates are given to, once it was enrolled by a claim code.
    Column("key_fingerprint", String(64), nullable=True),
    _instant("certified_until", null=True),
    _instant("asks_since", null=True),
    _instant("agreed_until", null=True),
)
devices = Table(
    "devices",
    metadata,
    _id(),
    _chc(),
    Column("address", String(17), nullable=False, unique=True),
    Column("profile", String(63), nullable=False),
    Column("label", String(80), nullable=False, server_default=""),
    Column("battery_pct", SmallInteger, nullable=True),
)
device_assignments = Table(
    "device_assignments",
    metadata,
    _id(),
    _chc(),
    Column("device_id", Integer, ForeignKey("devices.id"), nullable=False, index=True),
    _patient(),
    Column("user_index", SmallInteger, nullable=True),
    _instant("from_at"),
    _instant("until_at", null=True),
)
plans = Table(
    "plans",
    metadata,
    _id(),
    _chc(),
    _patient(),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("author", String(60), nullable=False),
    _instant("written_at"),
    Column("confirmed_by", String(60), nullable=True),
    _instant("confirmed_at", null=True),
    _instant("in_force_from", null=True),
    _instant("in_force_until", null=True),
    Column("declined_by", String(60), nullable=True),
    _instant("declined_at", null=True),
    Column("declined_because", String(400), nullable=True),
    # When its author took note of what was decided.
    _instant("fate_seen_at", null=True),
    UniqueConstraint("patient_id", "version"),
)

epochs = Table(
    "epochs",
    metadata,
    _id(),
    Column("gateway_id", String(63), ForeignKey("gateways.id"), nullable=False),
    Column("epoch", String(32), nullable=False),
    Column("receipted_seq", BigInteger, nullable=False),
    Column("highest_seq", BigInteger, nullable=False),
    # Counted as they come: counting them each time would take longer with every year.
    Column("measurements", BigInteger, nullable=False, server_default="0"),
    Column("observations", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("gateway_id", "epoch"),
)
# Literal, so that the index serves the queries that say the same.
DOUBTED = "(fate IN ('held', 'quarantined') OR quality = 'unsure')"
measurements = Table(
    "measurements",
    metadata,
    Column("epoch_id", Integer, ForeignKey("epochs.id"), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    _chc(),
    Column("fate", String(12), nullable=False),
    Column("content_id", LargeBinary(16), nullable=True, unique=True),
    Column("patient_id", Integer, nullable=True),
    Column("device", String(17), nullable=True),
    _instant("measured_at"),
    Column("quality", String(10), nullable=False),
    Column("mark", String(40), nullable=True),
    _instant("received_at", null=True),
    _instant("stored_at"),
    Column("reason", String(250), nullable=True),
    Column("element", LargeBinary, nullable=False),
    Index("ix_measurements_patient", "patient_id", "measured_at"),
    Index("ix_measurements_device", "device", "measured_at"),
    Index(
        "ix_measurements_unsure",
        "device",
        "measured_at",
        sqlite_where=text("quality = 'unsure'"),
        postgresql_where=text("quality = 'unsure'"),
    ),
    Index(
        "ix_measurements_waiting",
        "chc_id",
        "fate",
        sqlite_where=text("fate IN ('held', 'quarantined')"),
        postgresql_where=text("fate IN ('held', 'quarantined')"),
    ),
    Index(
        "ix_measurements_doubted",
        "patient_id",
        "stored_at",
        sqlite_where=text(DOUBTED),
        postgresql_where=text(DOUBTED),
    ),
    sqlite_with_rowid=False,
)
observations = Table(
    "observations",
    metadata,
    Column("epoch_id", Integer, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("code", SmallInteger, primary_key=True),
    Column("value", Integer, nullable=False),
    Column("steady", Boolean, nullable=False, server_default=true()),
    sqlite_with_rowid=False,
)
# What a person said of a held or quarantined measurement; rows are only added.
decisions = Table(
    "decisions",
    metadata,
    _id(),
    _chc(),
    Column("epoch_id", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", String(12), nullable=False),
    _patient(null=True),
    Column("by", String(60), nullable=False),
    _instant("at"),
    Column("likely_id", Integer, nullable=True),
    Column("reason", String(250), nullable=True),
    Column("note", String(250), nullable=True),
    Index("ix_decisions_measurement", "epoch_id", "seq"),
    Index("ix_decisions_at", "chc_id", "at"),
)
# The engine's input log. Writers leave ``position`` empty; its single owner numbers the rows.
inputs = Table(
    "inputs",
    metadata,
    _id(),
    Column("partition", SmallInteger, nullable=False, server_default="0"),
    Column("position", BigInteger, nullable=True),
    Column("kind", String(12), nullable=False),
    Column("patient_id", Integer, nullable=True),
    Column("epoch_id", Integer, nullable=True),
    Column("seq", BigInteger, nullable=True),
    Column("number", Integer, nullable=False, server_default="0"),
    _instant("recorded_at"),
    Column("set_aside", String(250), nullable=True),
    Index("ix_inputs_position", "partition", "position", unique=True),
    Index(
        "ix_inputs_unnumbered",
        "id",
        sqlite_where=text("position IS NULL"),
        postgresql_where=text("position IS NULL"),
    ),
    Index("ix_inputs_patient", "patient_id", "position"),
    Index(
        "ix_inputs_set_aside",
        "patient_id",
        sqlite_where=text("set_aside IS NOT NULL"),
        postgresql_where=text("set_aside IS NOT NULL"),
    ),
    UniqueConstraint("epoch_id", "seq", "kind", "number", name="uq_inputs_measurement"),
)
cursors = Table(
    "cursors",
    metadata,
    Column("partition", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("numbered", BigInteger, nullable=False),
    _instant("moved_at"),
)
findings = Table(
    "findings",
    metadata,
    _id(),
    _chc(),
    _patient(),
    Column("code", SmallInteger, nullable=False),
    Column("rule", String(63), nullable=False),
    Column("version", Integer, nullable=False),
    _instant("measured_at"),
    Column("value", Integer, nullable=False),
    Column("epoch_id", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("in_series", Boolean, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("state", String(12), nullable=False),
    _instant("raised_at"),
    _instant("ended_at", null=True),
    Column("alert_id", Integer, ForeignKey("alerts.id"), nullable=True, index=True),
    Index("ix_findings_patient", "patient_id", "code", "state"),
    Index("ix_findings_measurement", "epoch_id", "seq"),
)
absences = Table(
    "absences",
    metadata,
    _id(),
    _chc(),
    _patient(),
    Column("code", SmallInteger, nullable=False),
    _instant("window_from"),
    _instant("due_at"),
    Column("cause", String(30), nullable=False),
    _instant("explained_at", null=True),
    # The technical matter that many patients' absences have in common.
    Column("alert_id", BigInteger, nullable=True, index=True),
    UniqueConstraint("patient_id", "code", "due_at"),
    Index("ix_absences_lately", "chc_id", "due_at"),
)
aways = Table(
    "aways",
    metadata,
    _id(),
    _chc(),
    _patient(),
    _instant("from_at"),
    _instant("until_at"),
    Column("by", String(60), nullable=False),
    Column("reason", String(250), nullable=False),
    Index("ix_aways_patient_id", "patient_id", "until_at"),
)
alerts = Table(
    "alerts",
    metadata,
    _id(),
    _chc(),
    Column("subject", String(90), nullable=False),
    _patient(null=True),
    Column("kind", String(12), nullable=False),
    Column("rule", String(63), nullable=False),
    Column("priority", String(8), nullable=False),
    _instant("raised_at"),
    _instant("began_at"),
    _instant("newest_at"),
    _instant("deadline_at", null=True),
    Column("step", SmallInteger, nullable=False),
    Column("unanswered", Boolean, nullable=False),
    Column("owner", String(60), nullable=True),
    _instant("acknowledged_at", null=True),
    _instant("cleared_at", null=True),
    _instant("paused_until", null=True),
    _instant("closed_at", null=True),
    Column("closed_by", String(60), nullable=True),
    Column("outcome", String(30), nullable=True),
    _instant("next_review_at", null=True),
    Column("previous_id", Integer, nullable=True),
    Column("worst", Integer, nullable=True),
    Column("newest", Integer, nullable=True),
    Column("told", Integer, nullable=True),
    Column("comparator", SmallInteger, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("superseded", Boolean, nullable=False),
    Column("detail", String(250), nullable=True),
    _instant("review_raised_at", null=True),
    Index(
        "ix_alerts_open",
        "subject",
        "rule",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index(
        "ix_alerts_deadline",
        "deadline_at",
        sqlite_where=text("deadline_at IS NOT NULL"),
        postgresql_where=text("deadline_at IS NOT NULL"),
    ),
    Index(
        "ix_alerts_review",
        "next_review_at",
        sqlite_where=text("review_raised_at IS NULL AND next_review_at IS NOT NULL"),
        postgresql_where=text("review_raised_at IS NULL AND next_review_at IS NOT NULL"),
    ),
    Index("ix_alerts_patient", "patient_id", "raised_at"),
)
# What gateways are to be told now; intake's loop sends it.
commands = Table(
    "commands",
    metadata,
    _id(),
    _chc(),
    Column("gateway_id", String(63), ForeignKey("gateways.id"), nullable=False),
    Column("name", String(20), nullable=False),
    Column("code", String(63), nullable=True),
    _instant("written_at"),
    _instant("expires_at"),
    _instant("sent_at", null=True),
    Index(
        "ix_commands_unsent",
        "expires_at",
        sqlite_where=text("sent_at IS NULL"),
        postgresql_where=text("sent_at IS NULL"),
    ),
)
# Repeats that homes were asked for (hazard H5): a waiting one holds an alert back until then.
repeats = Table(
    "repeats",
    metadata,
    _id(),
    _chc(),
    _patient(),
    Column("code", SmallInteger, nullable=False),
    Column("rule", String(63), nullable=False),
    Column("version", Integer, nullable=False),
    Column("epoch_id", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    _instant("measured_at"),
    Column("value", Integer, nullable=False),
    Column("command_id", Integer, ForeignKey("commands.id"), nullable=False),
    _instant("asked_at"),
    _instant("until_at"),
    Column("state", String(12), nullable=False),
    _instant("ended_at", null=True),
    Index("ix_repeats_patient", "patient_id", "asked_at"),
    Index(
        "ix_repeats_waiting",
        "patient_id",
        "rule",
        unique=True,
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_repeats_until",
        "until_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)
pauses = Table(
    "pauses",
    metadata,
    _id(),
    _chc(),
    _patient(),
    Column("rule", String(63), nullable=False),
    _instant("until_at"),
    Column("by", String(60), nullable=False),
    Column("reason", String(250), nullable=False),
    _instant("made_at"),
    Index("ix_pauses_patient", "patient_id", "until_at"),
)
# Calls to a home about an alert: something must follow by ``due_at`` while ``ended_at`` is empty.
calls = Table(
    "calls",
    metadata,
    _id(),
    _chc(),
    Column("alert_id", Integer, ForeignKey("alerts.id"), nullable=False, index=True),
    Column("by", String(60), nullable=False),
    _instant("at"),
    Column("result", String(20), nullable=False),
    Column("used_up", Boolean, nullable=False),
    _instant("due_at", null=True),
    _instant("ended_at", null=True),
    Index(
        "ix_calls_due",
        "due_at",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)
notes = Table(
    "notes",
    metadata,
    _id(),
    _chc(),
    Column("alert_id", Integer, ForeignKey("alerts.id"), nullable=False, index=True),
    Column("by", String(60), nullable=False),
    _instant("written_at"),
    Column("text", String(1000), nullable=False),
)
messages = Table(
    "messages",
    metadata,
    _id(),
    _chc(),
    Column("alert_id", Integer, ForeignKey("alerts.id"), nullable=False, index=True),
    Column("reason", String(20), nullable=False),
    Column("role", String(20), nullable=False),
    Column("user", String(60), nullable=True),
    _instant("written_at"),
    Column("tries", Integer, nullable=False),
    _instant("next_try_at", null=True),
    _instant("delivered_at", null=True),
    Index(
        "ix_messages_waiting",
        "next_try_at",
        sqlite_where=text("delivered_at IS NULL"),
        postgresql_where=text("delivered_at IS NULL"),
    ),
)
# A removed channel keeps its row without its address, so that what was sent stays known.
channels = Table(
    "channels",
    metadata,
    _id(),
    _chc(),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("kind", String(12), nullable=False),
    Column("address", String(500), nullable=False),
    _instant("made_at"),
    _instant("removed_at", null=True),
    _instant("verified_at", null=True),
    _instant("tested_at", null=True),
    Column("quiet_from", SmallInteger, nullable=True),
    Column("quiet_until", SmallInteger, nullable=True),
    Column("failures", Integer, nullable=False, server_default="0"),
    _instant("failing_since", null=True),
    _instant("dead_since", null=True),
)
# The fate of one message on one channel; ``next_try_at`` is empty once nothing more is tried.
deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    _chc(),
    Column("message_id", Integer, ForeignKey("messages.id"), nullable=False),
    Column("channel_id", Integer, ForeignKey("channels.id"), nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    _instant("tried_at", null=True),
    _instant("next_try_at", null=True),
    _instant("ends_at"),
    _instant("delivered_at", null=True),
    Column("error", String(200), nullable=True),
    UniqueConstraint("message_id", "channel_id"),
    Index(
        "ix_deliveries_waiting",
        "next_try_at",
        sqlite_where=text("next_try_at IS NOT NULL"),
        postgresql_where=text("next_try_at IS NOT NULL"),
    ),
)
audit = Table(
    "audit",
    metadata,
    _id(),
    Column("chc_id", Integer, nullable=True),
    _instant("at"),
    Column("who", String(60), nullable=False),
    Column("what", String(40), nullable=False),
    Column("patient_id", Integer, nullable=True, index=True),
    Column("detail", String(250), nullable=False),
    Index(
        "ix_audit_looks",
        "who",
        "patient_id",
        "at",
        sqlite_where=text("what = 'patient-seen'"),
        postgresql_where=text("what = 'patient-seen'"),
    ),
    Index(
        "ix_audit_shifts",
        "what",
        "at",
        sqlite_where=text("what IN ('went-off-duty', 'alert-handed-over')"),
        postgresql_where=text("what IN ('went-off-duty', 'alert-handed-over')"),
    ),
)
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(20), primary_key=True),
    _instant("at"),
)
replica_outbox = Table(
    "replica_outbox",
    metadata,
    _id(),
    Column("epoch_id", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    # Whose point is to be taken out there; empty: the measurement's own is to be written.
    Column("gone_from", Integer, nullable=True),
)
chart_blobs = Table(
    "chart_blobs",
    metadata,
    Column("patient_id", Integer, primary_key=True),
    Column("code", SmallInteger, primary_key=True),
    Column("month", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
