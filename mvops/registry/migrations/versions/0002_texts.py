"""The texts of generated files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; the texts of files that are there already come with the next apply that writes them."""
    op.create_table(
        "mvops_texts",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_mvops_texts"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("mvops_texts")
