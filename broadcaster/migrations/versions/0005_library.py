"""sounds and the library"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('sound',
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('bytes', sa.Integer(), nullable=False),
    sa.Column('duration_ms', sa.Integer(), nullable=False),
    sa.Column('peaks', sa.JSON(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_sound_account_id')),
    sa.PrimaryKeyConstraint('sha256', name=op.f('pk_sound'))
    )
    with op.batch_alter_table('bulletin', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sound_sha256', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('sound_start_ms', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('sound_end_ms', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_bulletin_sound_sha256'), 'sound', ['sound_sha256'], ['sha256'])
    op.create_table('library_item',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Enum('template', 'recording', 'tune', 'sting', 'bulletin', name='itemkind', native_enum=False, length=20), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('category', sa.String(length=60), nullable=False),
    sa.Column('tags', sa.String(length=300), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('sound_sha256', sa.String(length=64), nullable=True),
    sa.Column('bulletin_id', sa.Integer(), nullable=True),
    sa.Column('origin', sa.String(length=60), nullable=True),
    sa.Column('account_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_library_item_account_id')),
    sa.ForeignKeyConstraint(['bulletin_id'], ['bulletin.id'], name=op.f('fk_library_item_bulletin_id')),
    sa.ForeignKeyConstraint(['sound_sha256'], ['sound.sha256'], name=op.f('fk_library_item_sound_sha256')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_library_item')),
    sa.UniqueConstraint('bulletin_id', name=op.f('uq_library_item_bulletin_id')),
    sa.UniqueConstraint('origin', name=op.f('uq_library_item_origin'))
    )
    with op.batch_alter_table('library_item', schema=None) as batch_op:
        batch_op.create_index('ix_library_item_shelf', ['archived_at', 'kind', 'updated_at'], unique=False)
    op.create_table('library_word',
    sa.Column('word', sa.String(length=40).with_variant(sa.String(length=40, collation='C'), 'postgresql'), nullable=False),
    sa.Column('item_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['item_id'], ['library_item.id'], name=op.f('fk_library_word_item_id')),
    sa.PrimaryKeyConstraint('word', 'item_id', name=op.f('pk_library_word'))
    )
    with op.batch_alter_table('library_word', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_library_word_item_id'), ['item_id'], unique=False)


def downgrade() -> None:
    op.drop_table('library_word')
    op.drop_table('library_item')
    with op.batch_alter_table('bulletin', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_bulletin_sound_sha256'), type_='foreignkey')
        batch_op.drop_column('sound_end_ms')
        batch_op.drop_column('sound_start_ms')
        batch_op.drop_column('sound_sha256')
    op.drop_table('sound')
