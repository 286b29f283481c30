"""Two languages: which is asked for, and how a sentence is said in it."""

from datetime import UTC, datetime

import pytest

from cloud.languages import AnyOf, Language, Message, begin, current, preferred

EN, TR = Language.ENGLISH, Language.TURKISH


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, EN),
        ("", EN),
        ("tr", TR),
        ("TR-tr", TR),
        ("tr-TR,tr;q=0.9,en-US;q=0.8,en;q=0.7", TR),
        ("en-US,en;q=0.9,tr;q=0.8", EN),
        ("de, tr;q=0.3", TR),
        ("en;q=0.2, tr;q=0.3", TR),
        ("tr;q=0, *", EN),
        ("tr;q=0", EN),
        ("tr;q=0.000, en;q=0", EN),
        ("*", EN),
        ("*;q=0.1, tr", TR),
        ("tr;q=2, en;q=0.1", EN),
        ("tr;q=x", EN),
        ("tr; q=0.5 , en; q=0.4", TR),
        ("trk", EN),
        (";;;,=,q=1", EN),
    ],
)
def test_the_language_a_caller_likes_best_is_taken(accepted, language):
    assert preferred(accepted, EN) is language


def test_a_sentence_with_its_facts_is_a_fact_of_another():
    lacks = Message("{stops} stops are known", "bilinen duruş sayısı {stops}")
    too_little = Message("Too little: {reason}.", "Yetersiz: {reason}.")
    assert too_little.said(EN, {"reason": lacks.of(stops=3)}) == "Too little: 3 stops are known."
    assert too_little.said(TR, {"reason": lacks.of(stops=3)}) == "Yetersiz: bilinen duruş sayısı 3."


def test_a_caller_who_likes_none_of_ours_gets_the_plants():
    assert preferred("de", TR) is TR
    assert preferred("*", TR) is TR


def test_a_language_holds_until_the_next_request():
    begin("tr", EN)
    assert current() is TR
    begin(None, EN)
    assert current() is EN


def test_a_sentence_names_its_facts_as_each_language_writes_them():
    said = Message("{size} by {when}, {needed}", "{size}, {when}, {needed}")
    words = AnyOf((Message("admin", "yönetici"), Message("planner", "planlamacı"), Message("worker", "çalışan")))
    facts = {"size": 0.5, "when": datetime(2026, 3, 2, 19, tzinfo=UTC), "needed": words}
    assert said.said(EN, facts) == "0.5 by 2026-03-02T19:00:00Z, admin, planner or worker"
    assert said.said(TR, facts) == "0,5, 2026-03-02T19:00:00Z, yönetici, planlamacı veya çalışan"


def test_turkish_bends_words_where_english_does_not():
    said = Message("Stage {stage} {is_now}; {refusal}.", "Aşama {stage} {is_now}; {refusal}.")
    facts = {
        "stage": 12,
        "is_now": Message("is done", "tamamlanmış"),
        "refusal": Message("it cannot be started", "başlatılamaz"),
    }
    assert said.said(EN, facts) == "Stage 12 is done; it cannot be started."
    assert said.said(TR, facts) == "Aşama 12 tamamlanmış; başlatılamaz."


def test_a_fact_that_is_missing_hides_nothing_else():
    assert Message("{a} and {b}", "{a} ve {b}").said(TR, {"a": 1}) == "1 ve {b}"


def test_braces_in_a_fact_stay_as_they_are():
    assert Message("{a}", "{a}").said(EN, {"a": "{b}", "b": "x"}) == "{b}"
