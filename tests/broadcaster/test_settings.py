from pathlib import Path

import pytest

from broadcaster.settings import Settings, SettingsError, load

pytestmark = pytest.mark.unit


def test_without_anything_set_the_station_listens_on_loopback_and_lives_in_var() -> None:
    assert load({}) == Settings()
    assert (load({}).host, load({}).home) == ("127.0.0.1", "var")


def test_an_unknown_key_is_refused_by_its_name() -> None:
    with pytest.raises(SettingsError, match="brokr_url"):
        load({"LOA_BROKR_URL": "mqtt://x"})


def test_other_programs_variables_are_none_of_our_business() -> None:
    assert load({"HOME": "/", "LOAD": "9"}) == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "loa.toml"
    file.write_text('port = 9000\nlanguage = "en"\n')
    settings = load({"LOA_SETTINGS": str(file), "LOA_PORT": "9001"})
    assert (settings.port, settings.language) == (9001, "en")


@pytest.mark.parametrize("text", ["port = 70000", "port = 'x'", "unknown = 1", "[[[", 'language = "fr"'])
def test_a_file_with_something_wrong_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "loa.toml"
    file.write_text(text)
    with pytest.raises(SettingsError):
        load({"LOA_SETTINGS": str(file)})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        load({"LOA_SETTINGS": str(tmp_path / "nowhere.toml")})


def test_secrets_are_not_shown() -> None:
    settings = Settings(database_url="postgresql://loa:geheim@db/loa", broker_url="mqtt://loa:geheim@broker")
    assert "geheim" not in str(settings.shown())
    assert settings.shown()["port"] == "8080"


def test_the_database_is_in_the_home_folder_unless_an_address_is_given(tmp_path: Path) -> None:
    assert Settings(home=str(tmp_path)).database == f"sqlite:///{tmp_path}/loa.db"
    assert Settings(database_url="postgresql://db").database == "postgresql://db"


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_stands_on_the_page_for_operators(name: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "running.md"
    assert f"`LOA_{name.upper()}`" in page.read_text("utf-8")
