"""Owns in which language a caller is answered, and what a sentence in both languages is.

Codes and facts never change with the language. A sentence for people is a `Message` in its slice's `messages`
module, English and Turkish side by side; where something is raised only the facts are stated:

    # cloud/machines/messages.py
    MACHINE_NOT_FOUND = Message(
        "There is no machine {machine}.", "{machine} adında bir makine yok.", code="MACHINE_NOT_FOUND"
    )
    # cloud/machines/service.py
    raise NotFound(messages.MACHINE_NOT_FOUND, machine=id_or_code)

A fact may itself be a `Message`, where Turkish and English do not bend alike:

    STAGE_TRANSITION = Message("Stage {stage} {is_now}; {refusal}.", "Aşama {stage} {is_now}; {refusal}.", ...)
    IS = {StageStatus.DONE: Message("is done", "tamamlanmış"), ...}
    CANNOT = {"start": Message("it cannot be started", "başlatılamaz"), ...}
    raise Conflict(messages.STAGE_TRANSITION, stage=12, is_now=messages.IS[status], refusal=messages.CANNOT["start"],
                   current_status=status, allowed=[])

In a schema's validator: `raise validation.mistake(messages.WINDOW_BACKWARDS)` instead of a ValueError.
"""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Language(StrEnum):
    """What this service can say things in, by BCP 47's name."""

    ENGLISH = "en"
    TURKISH = "tr"


_current: ContextVar[Language] = ContextVar("language", default=Language.ENGLISH)
_OR = {Language.ENGLISH: " or ", Language.TURKISH: " veya "}


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence for people in every language, with the names of facts in braces.

    Attributes:
        en: English.
        tr: Turkish, with the same names in braces.
        code: What programs know the fact by; where it is absent, the error's class says it.
        title: The kind of problem, where the error's class does not say it well enough.
    """

    en: str
    tr: str
    code: str | None = None
    title: "Message | None" = None

    def said(self, language: Language, facts: Mapping[str, Any] | None = None) -> str:
        """Return the sentence; a name without a fact stays as it is, for an error must not hide behind another."""
        words = _Words({name: _word(fact, language) for name, fact in (facts or {}).items()})
        return (self.tr if language is Language.TURKISH else self.en).format_map(words)

    def of(self, **facts: Any) -> "Message":
        """Return it with its facts said already, in every language: as a fact of another sentence; none has braces."""
        return Message(self.said(Language.ENGLISH, facts), self.said(Language.TURKISH, facts), self.code, self.title)


class AnyOf(tuple[Message, ...]):
    """A fact that is a choice of words, said as "a, b or c"."""

    __slots__ = ()


class _Words(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def _word(fact: object, language: Language) -> str:
    match fact:
        case Message():
            return fact.said(language)
        case str():
            return str(fact)
        case float():
            number = f"{fact:.10g}"
            return number.replace(".", ",") if language is Language.TURKISH else number
        case datetime():
            return fact.isoformat(timespec="seconds").replace("+00:00", "Z")
        case Iterable():
            return any_of([_word(each, language) for each in fact], language)
        case _:
            return str(fact)


def any_of(words: list[str], language: Language) -> str:
    """Return a choice as one says it: a, b or c."""
    return _OR[language].join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def current() -> Language:
    """Return the language of the request being served, English outside of one."""
    return _current.get()


def begin(accepted: str | None, otherwise: Language) -> None:
    """Take the caller's language from `Accept-Language`; it holds for this task.

    Args:
        accepted: The header's value, or None.
        otherwise: For a caller who asks for none that is spoken here.
    """
    _current.set(preferred(accepted, otherwise))


def preferred(accepted: str | None, otherwise: Language) -> Language:
    """Return the spoken language that the header likes best (RFC 9110, 12.5.4); the first of equals."""
    liked: dict[Language, float] = {}
    for part in (accepted or "").split(","):
        name, _, weight = part.strip().partition(";")
        quality = _quality(weight)
        primary = name.strip().lower().partition("-")[0]
        if primary == "*":
            liked.setdefault(otherwise, quality)
        elif primary in set(Language):
            language = Language(primary)
            liked[language] = max(quality, liked.get(language, 0.0))
    best = max(liked, key=lambda language: liked[language], default=otherwise)
    return best if liked.get(best, 0.0) > 0 else otherwise


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
