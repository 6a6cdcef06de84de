"""How often a gateway's adapter was powered off and on, or its hardware reset"""

from alembic import op
from sqlalchemy import Column, Integer

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateways", Column("adapter_resets", Integer, nullable=True))
