"""The list of patients asks whose measurements lately wait for a person, or are of an unsure time"""

from alembic import op
from sqlalchemy import text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
_DOUBTED = "(fate IN ('held', 'quarantined') OR quality = 'unsure')"


def upgrade() -> None:
    op.create_index(
        "ix_measurements_doubted",
        "measurements",
        ["patient_id", "stored_at"],
        sqlite_where=text(_DOUBTED),
        postgresql_where=text(_DOUBTED),
    )
