"""Sentences of the command line, in the operator's language: Vietnamese unless ``LOA_LANGUAGE`` says otherwise."""

from collections.abc import Callable

from web.language import FOLDER, SOURCE, compile_catalogue

Say = Callable[..., str]


def speaker_of(language: str) -> Say:
    """A function that translates a sentence and fills in its values: ``say("Có %(n)s loa", n=3)``."""
    path = FOLDER / language / "LC_MESSAGES" / "messages.po"
    translate = compile_catalogue(path).gettext if language != SOURCE and path.exists() else str

    def say(sentence: str, **values: object) -> str:
        return translate(sentence) % values if values else translate(sentence)

    return say
