"""rules of schedules and of the commune"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('schedule', schema=None) as batch_op:
        batch_op.alter_column('rrule', existing_type=sa.String(length=300), type_=sa.Text(), existing_nullable=False)
    op.execute("UPDATE schedule SET kind = 'repeated', rrule = 'RRULE:' || rrule WHERE kind = 'daily'")


def downgrade() -> None:
    op.execute("UPDATE schedule SET kind = 'daily', rrule = substr(rrule, 7) WHERE kind = 'repeated'")
    with op.batch_alter_table('schedule', schema=None) as batch_op:
        batch_op.alter_column('rrule', existing_type=sa.Text(), type_=sa.String(length=300), existing_nullable=False)
