"""Incidents and the shared rate limit get tables of their own; both were rows of `sync_state`.

Revision: 0012, after: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INCIDENTS_FROM_STATE = r"""
INSERT INTO incidents
  (name, level, title, began_at, ended_at, facts, notified, next_message_at, failed_messages)
SELECT
  coalesce(value ->> 'name', substr(key, 1 + length('incident:'))),
  coalesce(value ->> 'level', 'ERROR'),
  coalesce(value ->> 'title', value ->> 'name', substr(key, 1 + length('incident:'))),
  coalesce(moment, updated_at),
  (value ->> 'until')::timestamptz,
  CASE jsonb_typeof(value -> 'facts')
    WHEN 'array' THEN (
      SELECT coalesce(json_object_agg(fact ->> 0, fact -> 1 ORDER BY place), '{}')
      FROM jsonb_array_elements(value -> 'facts') WITH ORDINALITY AS facts (fact, place)
    )
    WHEN 'object' THEN (value -> 'facts')::json
    ELSE '{}'
  END,
  coalesce((value ->> 'told')::boolean, true),
  (value ->> 'due')::timestamptz,
  coalesce((value ->> 'tries')::integer, 0)
FROM sync_state
WHERE key LIKE 'incident:%'
ON CONFLICT DO NOTHING
"""
"""Rows of before messages were kept in them lack most keys: those incidents had been reported."""

STATE_FROM_INCIDENTS = """
INSERT INTO sync_state (key, moment, value)
SELECT
  CASE WHEN length('incident:' || name) <= 100 THEN 'incident:' || name
    ELSE left('incident:' || name, 83) || ':'
      || left(encode(sha256(convert_to(name, 'UTF8')), 'hex'), 16)
  END,
  began_at,
  jsonb_build_object(
    'name', name, 'level', level, 'title', title, 'until', ended_at, 'due', next_message_at,
    'told', notified, 'tries', failed_messages,
    'facts', (
      SELECT coalesce(jsonb_agg(jsonb_build_array(fact.key, fact.value)), '[]')
      FROM json_each(facts) AS fact
    )
  )
FROM incidents
ON CONFLICT DO NOTHING
"""

LIMIT_FROM_STATE = """
INSERT INTO rate_limit (name, next_slot_at, blocked_until, sent_at)
SELECT
  'notion',
  coalesce(moment, updated_at),
  to_timestamp((value ->> 'held')::float8),
  ARRAY(
    SELECT to_timestamp(sent::float8)
    FROM jsonb_array_elements_text(coalesce(value -> 'sent', '[]')) WITH ORDINALITY AS s (sent, place)
    ORDER BY place
  )
FROM sync_state
WHERE key = 'notion_budget'
"""

STATE_FROM_LIMIT = """
INSERT INTO sync_state (key, moment, value)
SELECT
  'notion_budget',
  next_slot_at,
  jsonb_build_object(
    'held', extract(epoch FROM blocked_until)::float8,
    'sent', (
      SELECT coalesce(jsonb_agg(extract(epoch FROM sent)::float8 ORDER BY place), '[]')
      FROM unnest(sent_at) WITH ORDINALITY AS s (sent, place)
    )
  )
FROM rate_limit
WHERE name = 'notion'
ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    """Make both tables, and move the rows."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "incidents",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("began_at", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("notified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("next_message_at", moment, nullable=True),
        sa.Column("failed_messages", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_incidents")),
    )
    op.create_table(
        "rate_limit",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("next_slot_at", moment, nullable=False),
        sa.Column("blocked_until", moment, nullable=True),
        sa.Column("sent_at", postgresql.ARRAY(moment), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_limit")),
    )
    op.execute(INCIDENTS_FROM_STATE)
    op.execute(LIMIT_FROM_STATE)
    op.execute("DELETE FROM sync_state WHERE key LIKE 'incident:%' OR key = 'notion_budget'")


def downgrade() -> None:
    """Move the rows back."""
    op.execute(STATE_FROM_INCIDENTS)
    op.execute(STATE_FROM_LIMIT)
    op.drop_table("rate_limit")
    op.drop_table("incidents")
