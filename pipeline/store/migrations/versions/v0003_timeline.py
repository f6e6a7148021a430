"""Call records of the dialler, and what an account's timeline needs of its calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("call_id", sa.String(length=200), nullable=True),
        sa.Column("file_name", sa.String(length=255), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("account_ref", sa.String(length=200), nullable=True),
        sa.Column("team", sa.String(length=200), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("call_id", name=op.f("uq_attempts_call_id")),
    )
    for column in ("file_name", "account_ref", "team", "started_at", "flagged"):
        op.create_index(op.f(f"ix_attempts_{column}"), "attempts", [column], unique=False)
    op.add_column("calls", sa.Column("heard", sa.JSON(), nullable=True))
    op.add_column("calls", sa.Column("own_flagged", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("calls", sa.Column("own_severity", sa.String(length=10), nullable=True))
    # Until now nothing but a call's own judgement could flag it.
    op.execute("UPDATE calls SET own_flagged = flagged, own_severity = severity")
    op.create_index(op.f("ix_calls_file_name"), "calls", ["file_name"], unique=False)
    op.add_column("findings", sa.Column("source", sa.String(length=10), nullable=False, server_default="call"))


def downgrade() -> None:
    op.execute("DELETE FROM findings WHERE source = 'timeline'")
    op.execute("UPDATE calls SET flagged = own_flagged, severity = own_severity")
    op.drop_column("findings", "source")
    op.drop_index(op.f("ix_calls_file_name"), table_name="calls")
    for column in ("own_severity", "own_flagged", "heard"):
        op.drop_column("calls", column)
    for column in ("flagged", "started_at", "team", "account_ref", "file_name"):
        op.drop_index(op.f(f"ix_attempts_{column}"), table_name="attempts")
    op.drop_table("attempts")
