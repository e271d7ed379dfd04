"""The first schema."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_RUNNING = sa.text("status = 'running'")
_OPEN = sa.text("status = 'open'")


def upgrade() -> None:
    """Create every table."""
    _state()
    _lock()
    _runs_and_versions()
    _champions()
    _rollouts()
    _alerts()
    _monitoring()
    _events()


def downgrade() -> None:
    """Drop every table, dependants first."""
    names = "events cursors summaries alerts rollouts champions versions runs lock journal records registry"
    for name in names.split():
        op.drop_table(f"mvops_{name}")


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, _TIME, nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _key(name: str) -> sa.Column[int]:
    """A primary key that the database counts up and never gives twice."""
    return sa.Column(name, sa.Integer(), primary_key=True, nullable=False)


def _state() -> None:
    op.create_table(
        "mvops_registry",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        _text("lineage"),
        _number("serial"),
        _time("created"),
        sa.PrimaryKeyConstraint("id", name="pk_mvops_registry"),
    )
    op.create_table(
        "mvops_records",
        _text("address"),
        _text("spec"),
        _text("outputs"),
        sa.PrimaryKeyConstraint("address", name="pk_mvops_records"),
    )
    op.create_table(
        "mvops_journal",
        _key("entry"),
        _text("plan_id"),
        _text("action"),
        _text("status"),
        _time("started"),
        _time("ended", nullable=True),
        _text("outputs", nullable=True),
        _text("error", nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mvops_journal_status", "mvops_journal", ["status"])


def _lock() -> None:
    op.create_table(
        "mvops_lock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        _text("token"),
        _text("username"),
        _text("host"),
        _text("machine"),
        _text("boot"),
        _text("pid_namespace"),
        _number("pid"),
        _text("process_start"),
        _text("command"),
        _time("since"),
        _time("lease_until"),
        sa.Column("lease_clock", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mvops_lock"),
    )


def _runs_and_versions() -> None:
    op.create_table(
        "mvops_runs",
        _text("id"),
        _text("model"),
        _text("status"),
        _time("started"),
        _time("finished", nullable=True),
        _text("body"),
        sa.PrimaryKeyConstraint("id", name="pk_mvops_runs"),
    )
    op.create_index("ix_mvops_runs_model_id", "mvops_runs", ["model", "id"])
    op.create_table(
        "mvops_versions",
        _text("model"),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        _time("created"),
        _text("run"),
        _text("fingerprint"),
        _text("body"),
        sa.PrimaryKeyConstraint("model", "number", name="pk_mvops_versions"),
    )
    op.create_index("ix_mvops_versions_model_run", "mvops_versions", ["model", "run"])
    op.create_index("ix_mvops_versions_model_fingerprint", "mvops_versions", ["model", "fingerprint"])


def _to_version(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["model", column], ["mvops_versions.model", "mvops_versions.number"], name=f"fk_{table}_model_{column}"
    )


def _champions() -> None:
    op.create_table(
        "mvops_champions",
        _key("id"),
        _text("model"),
        _number("number"),
        _time("since"),
        _text("reason"),
        _to_version("mvops_champions", "number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mvops_champions_model_id", "mvops_champions", ["model", "id"])


def _rollouts() -> None:
    op.create_table(
        "mvops_rollouts",
        _key("id"),
        _text("model"),
        _number("champion"),
        _number("challenger"),
        _text("shares"),
        _number("step"),
        _text("status"),
        _text("reason"),
        _time("started"),
        _time("step_started"),
        _time("finished", nullable=True),
        _to_version("mvops_rollouts", "champion"),
        _to_version("mvops_rollouts", "challenger"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mvops_rollouts_model_id", "mvops_rollouts", ["model", "id"])
    op.create_index(
        "uq_mvops_rollouts_running",
        "mvops_rollouts",
        ["model"],
        unique=True,
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )


def _alerts() -> None:
    op.create_table(
        "mvops_alerts",
        _key("id"),
        _text("model"),
        _number("version"),
        _text("kind"),
        _text("key"),
        _text("status"),
        _text("severity"),
        _time("opened"),
        _time("last_seen"),
        _number("windows"),
        _text("reason"),
        _time("resolved", nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mvops_alerts_model_id", "mvops_alerts", ["model", "id"])
    op.create_index(
        "uq_mvops_alerts_open",
        "mvops_alerts",
        ["model", "key"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )


def _monitoring() -> None:
    op.create_table(
        "mvops_summaries",
        _text("model"),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        _text("arm"),
        _time("start"),
        _text("document"),
        sa.PrimaryKeyConstraint("model", "version", "arm", "start", name="pk_mvops_summaries"),
    )
    op.create_index("ix_mvops_summaries_model_start", "mvops_summaries", ["model", "start"])
    op.create_table(
        "mvops_cursors",
        _text("model"),
        sa.Column("predictions", sa.BigInteger(), nullable=False),
        sa.Column("outcomes", sa.BigInteger(), nullable=False),
        _time("judged", nullable=True),
        sa.PrimaryKeyConstraint("model", name="pk_mvops_cursors"),
    )


def _events() -> None:
    op.create_table(
        "mvops_events",
        _key("id"),
        _time("time"),
        _text("actor"),
        _text("kind"),
        _text("subject"),
        _text("message"),
        _text("details"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mvops_events_subject_id", "mvops_events", ["subject", "id"])
