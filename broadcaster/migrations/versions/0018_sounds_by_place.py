"""sounds by place"""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

_KEY = ['alert_id', 'place_id', 'position']


def upgrade() -> None:
    # A key that is known beforehand: the sounds of an alert are then written in one statement.
    with op.batch_alter_table('alert_sound') as batch:
        batch.drop_constraint('pk_alert_sound', type_='primary')
        batch.drop_constraint('uq_alert_sound_alert_id_place_id_position', type_='unique')
        batch.drop_column('id')
        batch.create_primary_key('pk_alert_sound', _KEY)


def downgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        op.add_column('alert_sound', sa.Column('id', sa.Integer(), nullable=True))
        op.execute('UPDATE alert_sound SET id = rowid')
    else:
        op.execute('ALTER TABLE alert_sound ADD COLUMN id SERIAL')
    with op.batch_alter_table('alert_sound') as batch:
        batch.drop_constraint('pk_alert_sound', type_='primary')
        batch.alter_column('id', existing_type=sa.Integer(), nullable=False)
        batch.create_primary_key('pk_alert_sound', ['id'])
        batch.create_unique_constraint('uq_alert_sound_alert_id_place_id_position', _KEY)
