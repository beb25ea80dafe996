"""A title or topic without a visible character is empty, as it is for the rules of the board.

No row changes: the guard of `tasks` checks a text when it is written.

Revision: 0017, after: 0016
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INVISIBLE: Final = (
    r"\u0001-\u0020\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F"
    r"\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0"
    r"\uFFF0-\uFFFB\U000E0000-\U000E0FFF"
)
FORMER: Final = (
    r"E'\t\n\u000B\f\r\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002"
    r"\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'"
)
REPLACE: Final = (
    "CREATE OR REPLACE FUNCTION showrunner_is_blank(text) RETURNS boolean IMMUTABLE LANGUAGE sql "
)


def upgrade() -> None:
    """Treat a text of invisible characters alone as empty."""
    op.execute(f"{REPLACE} AS $$ SELECT $1 ~ '^[{INVISIBLE}]*$' $$")
    _set_search_path()


def downgrade() -> None:
    """Treat a text of white space alone as empty."""
    op.execute(f"{REPLACE} AS $$ SELECT btrim($1, {FORMER}) = '' $$")
    _set_search_path()


def _set_search_path() -> None:
    # A replaced function has no search path of its own (migration 0014).
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    op.execute(f"ALTER FUNCTION showrunner_is_blank(text) SET search_path = {schema}, pg_temp")
