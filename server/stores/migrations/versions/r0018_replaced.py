"""What stands in for a gateway that has no access any more"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateways", sa.Column("replaced_by", sa.String(length=63), nullable=True))
