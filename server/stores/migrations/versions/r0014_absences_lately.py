"""The list of patients asks who missed something lately"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_absences_lately", "absences", ["chc_id", "due_at"])
