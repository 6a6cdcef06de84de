"""A gateway whose radio does not work hears nobody measure: that is no absence of the patient's"""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, SmallInteger

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateways", Column("deaf_at", BigInteger, nullable=True))
    op.add_column("gateways", Column("radio_restarts", Integer, nullable=True))
    op.add_column("gateways", Column("board_celsius", SmallInteger, nullable=True))
