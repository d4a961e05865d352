"""pages"""

from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_broadcast_occurrence', 'broadcast', ['occurrence'])
    op.create_index('ix_delivery_state', 'delivery', ['broadcast_id', 'state'])


def downgrade() -> None:
    op.drop_index('ix_delivery_state', table_name='delivery')
    op.drop_index('ix_broadcast_occurrence', table_name='broadcast')
