"""Who stands in for a CHC's out-of-hours recipient, and when"""

from alembic import op
from sqlalchemy import BigInteger, Column, String

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("chcs", Column("stand_in", String(60), nullable=True))
    op.add_column("chcs", Column("stand_in_from", BigInteger, nullable=True))
    op.add_column("chcs", Column("stand_in_until", BigInteger, nullable=True))
