"""rules of schedules and of the commune"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('schedule', schema=None) as batch_op:
        batch_op.alter_column('rrule', existing_type=sa.String(length=300), type_=sa.Text(), existing_nullable=False)
    op.execute("UPDATE schedule SET kind = 'repeated', rrule = 'RRULE:' || rrule WHERE kind = 'daily'")

    with op.batch_alter_table('station', schema=None) as batch_op:
        batch_op.add_column(sa.Column('slots_a_day', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('slot_minutes', sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column('weekdays', sa.String(length=20), server_default='MO,TU,WE,TH,FR,SA,SU', nullable=False)
        )
        batch_op.add_column(sa.Column('clock_doubt', sa.String(length=40), server_default='', nullable=False))
        batch_op.add_column(sa.Column('clock_trusted_ms', sa.BigInteger(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('clock_trusted_offset_ms', sa.BigInteger(), server_default='0', nullable=False))
    op.create_table(
        'hour_rule',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('place_id', sa.Integer(), nullable=True),
        sa.Column('start', sa.String(length=5), nullable=False),
        sa.Column('until', sa.String(length=5), nullable=False),
        sa.Column('quiet', sa.Boolean(), nullable=False),
        sa.Column('volume', sa.Integer(), nullable=True),
        sa.Column('cap', sa.Integer(), nullable=False),
        sa.Column('why', sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(['place_id'], ['place.id'], name=op.f('fk_hour_rule_place_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_hour_rule')),
    )
    with op.batch_alter_table('hour_rule', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_hour_rule_place_id'), ['place_id'], unique=False)
    op.create_table(
        'hour_exception',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=200), nullable=False),
        sa.Column('first_day', sa.Date(), nullable=False),
        sa.Column('last_day', sa.Date(), nullable=False),
        sa.Column('start', sa.String(length=5), nullable=False),
        sa.Column('until', sa.String(length=5), nullable=False),
        sa.Column('cap', sa.Integer(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.Column('approver', sa.String(length=200), nullable=False),
        sa.Column('account_id', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_hour_exception_account_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_hour_exception')),
    )
    op.create_table(
        'hour_exception_place',
        sa.Column('exception_id', sa.Integer(), nullable=False),
        sa.Column('place_id', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ['exception_id'], ['hour_exception.id'], name=op.f('fk_hour_exception_place_exception_id')
        ),
        sa.ForeignKeyConstraint(['place_id'], ['place.id'], name=op.f('fk_hour_exception_place_place_id')),
        sa.PrimaryKeyConstraint('exception_id', 'place_id', name=op.f('pk_hour_exception_place')),
    )


def downgrade() -> None:
    for table in ('hour_exception_place', 'hour_exception', 'hour_rule'):
        op.drop_table(table)
    with op.batch_alter_table('station', schema=None) as batch_op:
        for column in ('slots_a_day', 'slot_minutes', 'weekdays', 'clock_doubt', 'clock_trusted_ms', 'clock_trusted_offset_ms'):
            batch_op.drop_column(column)
    op.execute("UPDATE schedule SET kind = 'daily', rrule = substr(rrule, 7) WHERE kind = 'repeated'")
    with op.batch_alter_table('schedule', schema=None) as batch_op:
        batch_op.alter_column('rrule', existing_type=sa.Text(), type_=sa.String(length=300), existing_nullable=False)
