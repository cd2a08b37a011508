"""The role `switch` is granted for one switch: a grant for all of them names none, and must be given anew."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM user_roles WHERE role = 'switch' AND scope NOT LIKE 'switch:%'")
