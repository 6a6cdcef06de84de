"""Who cares for whom"""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, String

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "care_teams",
        Column("patient_id", Integer, ForeignKey("patients.id"), primary_key=True),
        Column("name", String(60), primary_key=True),
        Column("chc_id", Integer, ForeignKey("chcs.id"), nullable=False),
    )
    op.create_index("ix_care_teams_name", "care_teams", ["chc_id", "name"])
