"""The settings that gateways are given, and what they say of them"""

from alembic import op
from sqlalchemy import Column, Integer, Text

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    wanted = Column("configuration_version", Integer, nullable=False, server_default="0")
    op.add_column("gateways", Column("configuration", Text, nullable=True))
    op.add_column("gateways", wanted)
    for name in ("configuration_in_force", "configuration_refused"):
        op.add_column("gateways", Column(name, Integer, nullable=True))
    op.add_column("gateways", Column("configuration_refused_because", Text, nullable=True))
