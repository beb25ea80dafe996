"""What people own cannot be changed by SQL, what cannot be a card is refused, and a task without a page waits for one.

`channels` says which channels are configured. `card_creations` remembers what is being made of a task without a page.
The rules are a trigger and no constraints: rows that break them are kept as they are, and only a write of such a
column is refused, never a worker's write of another one.

Revision: 0007, after: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Frozen as of this revision: what Python's str.strip() takes away. PostgreSQL's \\s follows the database's locale.
BLANKS = (
    r"E'\t\n\u000B\f\r\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    r"\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'"
)


def upgrade() -> None:
    """The channels of the last cycle are known at once; the next cycle brings them up to date."""
    op.create_table(
        "channels",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("configured", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
    )
    op.execute("""
        INSERT INTO channels (id)
        SELECT jsonb_array_elements_text(value -> 'ids') FROM sync_state WHERE key = 'channels'
    """)
    op.create_table(
        "card_creations",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_by", sa.String(length=100), nullable=True),
        sa.Column(
            "sent", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["tasks.id"],
            name=op.f("fk_card_creations_task_id_tasks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_card_creations")),
    )
    op.execute(
        "CREATE FUNCTION showrunner_is_blank(text) RETURNS boolean IMMUTABLE LANGUAGE sql "
        f"AS $$ SELECT btrim($1, {BLANKS}) = '' $$"
    )
    # Ours is the transaction that named itself by its own id: a setting that stands in a session, a role or a pooled
    # connection names another one, or none.
    op.execute("""
        CREATE FUNCTION showrunner_guard_task() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
          ours boolean := coalesce(current_setting('showrunner.taking_in', true) = txid_current()::text, false);
          made boolean := TG_OP = 'INSERT';
          changed text;
          page_before text;
          allowed text;
        BEGIN
          IF NOT made THEN
            page_before := OLD.notion_page_id;
          END IF;
          IF NOT ours AND NEW.notion_page_id IS DISTINCT FROM page_before THEN
            RAISE EXCEPTION 'tasks.notion_page_id is written by Showrunner alone: leave it out, and a task without a '
              'page becomes a card at the next cycle' USING ERRCODE = 'insufficient_privilege';
          END IF;
          IF NOT ours AND NOT made THEN
            changed := CASE
              WHEN NEW.title IS DISTINCT FROM OLD.title THEN 'title'
              WHEN NEW.channel_id IS DISTINCT FROM OLD.channel_id THEN 'channel_id'
              WHEN NEW.topic IS DISTINCT FROM OLD.topic THEN 'topic'
              WHEN NEW.story_direction IS DISTINCT FROM OLD.story_direction THEN 'story_direction'
            END;
            IF changed IS NOT NULL AND OLD.notion_page_id IS NOT NULL THEN
              RAISE EXCEPTION 'tasks.% of task % cannot be changed by SQL: the people on the board own it. Change % on '
                'its card (Notion page %), and the database follows', changed, OLD.id,
                CASE changed WHEN 'channel_id' THEN 'Channel' ELSE initcap(replace(changed, '_', ' ')) END,
                OLD.notion_page_id USING ERRCODE = 'insufficient_privilege';
            ELSIF changed IS NOT NULL AND EXISTS (
              SELECT FROM card_creations WHERE task_id = OLD.id AND sent_at IS NOT NULL
            ) THEN
              RAISE EXCEPTION 'tasks.% of task % cannot be changed by SQL: its card is being made, and the people on '
                'the board own it from now on. Change it on the card', changed, OLD.id
                USING ERRCODE = 'insufficient_privilege';
            END IF;
          END IF;
          IF (made OR NEW.title IS DISTINCT FROM OLD.title) AND showrunner_is_blank(NEW.title) THEN
            RAISE EXCEPTION 'tasks.title must not be empty: it is the title of the card, 1 to 255 characters'
              USING ERRCODE = 'check_violation';
          END IF;
          IF (made OR NEW.topic IS DISTINCT FROM OLD.topic) AND showrunner_is_blank(NEW.topic) THEN
            RAISE EXCEPTION 'tasks.topic must not be empty: it says what the video is about, in 1 to 1,000 characters'
              USING ERRCODE = 'check_violation';
          END IF;
          IF NOT ours AND (made OR NEW.channel_id IS DISTINCT FROM OLD.channel_id) AND NOT EXISTS (
            SELECT FROM channels WHERE id = NEW.channel_id AND configured
          ) THEN
            SELECT string_agg(id, ', ' ORDER BY id) INTO allowed FROM channels WHERE configured;
            RAISE EXCEPTION 'tasks.channel_id "%" is not a configured channel: %', NEW.channel_id,
              coalesce('choose one of ' || allowed, 'none is known yet; the first cycle writes them into the table '
              'channels') USING ERRCODE = 'check_violation';
          END IF;
          RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER guard_task
        BEFORE INSERT OR UPDATE OF title, channel_id, topic, story_direction, notion_page_id ON tasks
        FOR EACH ROW EXECUTE FUNCTION showrunner_guard_task()
    """)
    # Whatever the search path of the session that writes, as 0006 has it for the others.
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION showrunner_guard_task() SET search_path = {schema}, pg_temp")


def downgrade() -> None:
    """Tasks keep all they hold. A card that is being made at this moment is taken for a new one when it is seen."""
    op.execute("DROP TRIGGER guard_task ON tasks")
    op.execute("DROP FUNCTION showrunner_guard_task()")
    op.execute("DROP FUNCTION showrunner_is_blank(text)")
    op.drop_table("card_creations")
    op.drop_table("channels")
