import pytest

from tts.settings import SpeechSettingError, SpeechSettings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("voice", "west"),
        ("words_per_minute", 79),
        ("words_per_minute", 251),
        ("repeats", 0),
        ("repeats", 4),
        ("phrase_pause_ms", -1),
        ("phrase_pause_ms", 5_001),
        ("repeat_pause_ms", 60_001),
        ("profile", "loud"),
    ],
)
def test_a_value_out_of_range_names_its_field(field: str, value: object) -> None:
    with pytest.raises(SpeechSettingError, match="expected") as caught:
        SpeechSettings(**{field: value})  # type: ignore[arg-type]
    assert caught.value.field == field
    assert caught.value.value == value
