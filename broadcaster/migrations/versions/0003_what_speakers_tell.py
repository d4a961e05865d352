"""what speakers tell of themselves: role, faults, amplifier, bytes of the month"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    role = sa.Enum('speaker', 'gateway', name='speakerrole', native_enum=False, length=20)
    with op.batch_alter_table('speaker', schema=None) as batch_op:
        batch_op.add_column(sa.Column('role', role, nullable=False, server_default='speaker'))
        batch_op.add_column(sa.Column('faults', sa.String(length=400), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('amplifier_on_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('amplifier_off_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('month_bytes', sa.BigInteger(), nullable=True))
    with op.batch_alter_table('speaker', schema=None) as batch_op:  # the rows have them now
        batch_op.alter_column('role', server_default=None)
        batch_op.alter_column('faults', server_default=None)


def downgrade() -> None:
    with op.batch_alter_table('speaker', schema=None) as batch_op:
        for column in ('month_bytes', 'amplifier_off_at', 'amplifier_on_at', 'faults', 'role'):
            batch_op.drop_column(column)
