"""What a service gave when a person let a maker act for a channel's account.

Revision: 0037, after: 0036
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. It holds secrets: only its owner may read it."""
    op.create_table(
        "logins",
        sa.Column("maker", sa.String(100), nullable=False, comment="The maker that uses it."),
        sa.Column(
            "channel_id", sa.String(100), nullable=False, comment="The channel whose account it is."
        ),
        sa.Column(
            "secret",
            sa.Text(),
            nullable=False,
            comment="What the service gave, for example a refresh token.",
        ),
        sa.Column("account", sa.Text(), nullable=False, comment="The account's name, for people."),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
            comment="When a person said yes.",
        ),
        sa.PrimaryKeyConstraint("maker", "channel_id"),
        comment="With which a maker acts for a channel's account at a service. Secret: for Showrunner alone.",
    )


def downgrade() -> None:
    """Drop the table. Every channel has to be connected again."""
    op.drop_table("logins")
