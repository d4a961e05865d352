"""What the first version stored about schedules is kept by the migration to rules."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from broadcaster import migrations


def _migrate(engine: sa.Engine, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(next(iter(migrations.__path__)))))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to) if to == "head" else command.downgrade(config, to)


def test_a_daily_schedule_of_the_first_version_becomes_a_rule_and_back(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'loa.db'}")
    _migrate(engine, "head")
    _migrate(engine, "0002")
    old = {1: ("daily", "FREQ=DAILY;UNTIL=20261130T235959"), 2: ("once", ""), 3: ("now", "")}
    insert = (
        "INSERT INTO schedule (id, bulletin_id, kind, rrule, account_id, created_at) VALUES (?, 1, ?, ?, 1, '2026')"
    )

    def stored() -> dict[int, tuple[str, str]]:
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT id, kind, rrule FROM schedule")
            return {number: (kind, rule) for number, kind, rule in rows}

    with engine.begin() as connection:
        for number, (kind, rule) in old.items():
            connection.exec_driver_sql(insert, (number, kind, rule))
    _migrate(engine, "head")
    assert stored() == old | {1: ("repeated", "RRULE:FREQ=DAILY;UNTIL=20261130T235959")}
    _migrate(engine, "0002")
    assert stored() == old
    engine.dispose()
