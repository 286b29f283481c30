import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.document import Document
from edge.config.mistakes import ConfigMistakes
from edge.config.yamlfile import MAX_BYTES, read


def parse(tmp_path: Path, text: str | bytes, **environ: str) -> Document:
    path = tmp_path / "edge.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path, environ)


def refusal(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(ConfigMistakes) as caught:
        parse(tmp_path, text)
    (mistake,) = caught.value.mistakes
    return f"{mistake.line}: {mistake.message}"


def test_words_that_yaml_1_1_takes_for_switches_stay_words(tmp_path: Path) -> None:
    document = parse(
        tmp_path, "on: line-a\nmap: {0: off, 1: yes, 2: NO}\nserial: 007\ntime: 12:30:45\nday: 2026-01-02\n"
    )
    assert document.root == {
        "on": "line-a",
        "map": {0: "off", 1: "yes", 2: "NO"},
        "serial": "007",
        "time": "12:30:45",
        "day": "2026-01-02",
    }


def test_scalars_are_read_as_yaml_1_2_says(tmp_path: Path) -> None:
    text = "[1, -2, 0x1F, 0o17, 1.5, 1e3, .5, 3., true, False, null, ~, '1', \"true\", .inf, .nan, 1_000]"
    document = parse(tmp_path, f"a: {text}\n")
    assert document.root["a"] == [
        *(1, -2, 31, 15, 1.5, 1000.0, 0.5, 3.0, True, False, None, None, "1", "true", ".inf", ".nan", "1_000"),
    ]


def test_every_entry_knows_its_line(tmp_path: Path) -> None:
    document = parse(tmp_path, "a:\n  b: 1\n\n  c:\n    - x\n    - y: 2\n")
    assert document.lines == {
        (): 1,
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 4,
        ("a", "c", 0): 5,
        ("a", "c", 1): 6,
        ("a", "c", 1, "y"): 6,
    }


def test_a_key_given_twice_is_a_mistake_and_the_first_one_stands(tmp_path: Path) -> None:
    document = parse(tmp_path, "a: 1\nb: 2\na: {c: [3]}\n")
    assert document.root == {"a": 1, "b": 2}
    (mistake,) = document.mistakes
    assert (mistake.line, mistake.path, mistake.message) == (1, "a", "the key is given again on line 3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x [1]\nb: *x\n", "2: *x: aliases are not accepted; use `templates` for what repeats"),
        ("a: !!python/object/apply:os.system ['id']\n", "1: the tag tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: !secret x\n", "1: the tag !secret is not accepted"),
        ("a: 1\n---\nb: 2\n", "2: a second document begins here"),
        ("a:\n - 1\n b: 2\n", "3: not YAML: "),
        ("a: [1, 2\n", "2: not YAML: "),
        ("? [1, 2]\n: x\n", "1: a key is a word or a whole number"),
        ("1.5: x\n", "1: the key 1.5 must be a word or a whole number"),
        ("a: \x01\n", "1: not YAML: "),
        ("", "1: expected keys and values"),
        ("- a\n- b\n", "1: expected keys and values"),
        ("just words\n", "1: expected keys and values"),
        (b"a: 1\nb: \xff\n", "2: not UTF-8 text"),
        ("a: " + "[" * 100 + "]" * 100, "1: nested deeper than 32 levels"),
        ("[" * 200_000, "1: nested deeper than 32 levels"),
        ("a: 1\n" + "# " + "x" * MAX_BYTES, "1: larger than 5 MB"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_not_plain_data_ends_the_reading_with_its_line(
    tmp_path: Path, text: str | bytes, expected: str
) -> None:
    assert refusal(tmp_path, text).startswith(expected)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigMistakes, match=r"nowhere\.yaml:1: cannot be read: No such file"):
        read(tmp_path / "nowhere.yaml", {})


def test_a_byte_order_mark_and_windows_line_ends_are_harmless(tmp_path: Path) -> None:
    document = parse(tmp_path, b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert document.root == {"a": 1, "b": 2}
    assert document.lines["b",] == 2


def test_references_stand_inside_any_scalar(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    document = parse(
        tmp_path,
        "url: http://${env:HOST}:${env:PORT}/\ntoken: ${file:token}\nquoted: ['${env:HOST}', \"a $${env:HOST}\"]\n",
        HOST="cloud",
        PORT="80",
    )
    assert document.root == {"url": "http://cloud:80/", "token": "s3cret", "quoted": ["cloud", "a ${env:HOST}"]}
    assert document.whole == {("token",), ("quoted", 0)}


@pytest.mark.parametrize(
    ("value", "expected"), [("502", 502), ("-3", -3), ("0123", "0123"), ("1.50", "1.50"), ("true", "true"), ("", "")]
)
def test_a_referenced_whole_number_becomes_one_and_all_else_stays_text(
    tmp_path: Path, value: str, expected: str | int
) -> None:
    assert parse(tmp_path, "port: ${env:V}\nlisted: ['${env:V}']\n", V=value).root == {
        "port": expected,
        "listed": [expected],
    }


def test_dead_references_are_mistakes_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    document = parse(
        tmp_path, "a: ${env:NO}\nb: ${file:no}\nc: ${file:binary}\nd: ${vault:x}\ne: ${}\nf: ${file:large}\n"
    )
    assert [(mistake.line, mistake.path) for mistake in document.mistakes] == list(enumerate("abcdef", 1))
    said = "\n".join(mistake.message for mistake in document.mistakes)
    for words in ("NO is not set", "No such file", "is not UTF-8 text", "expected ${env:NAME}", "larger than 65536"):
        assert words in said


def test_what_a_reference_stands_for_is_never_shown(tmp_path: Path) -> None:
    document = parse(tmp_path, "a:\n  b: x${env:S}\n", S="it's\\hush")
    document.mistake(("a", "b"), "bad: xit's\\hush")
    document.mistake(("a",), f"bad: {'xit' + chr(39) + 's' + chr(92) + 'hush'!r}")
    assert [mistake.message for mistake in document.mistakes] == ["bad: x${env:S}", 'bad: "x${env:S}"']


@given(st.text(max_size=200) | st.text(alphabet="ab:-[]{},&*!'\"\n #|>%@?~$0.", max_size=200))
def test_no_text_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(ConfigMistakes):
        assert isinstance(read(path, {}).root, dict)


def test_what_would_grow_without_bound_ends_soon_and_small(tmp_path: Path) -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    laughs = "l0: &l0 [lol]\n" + "\n".join(levels)
    bombs = {
        "laughs": (laughs, "aliases are not accepted"),
        "ten megabytes": ("a: " + "x" * 10_000_000, "larger than 5 MB"),
        "deep": ("a: " + "[" * 100_000, "nested deeper than 32 levels"),
        "deep keys": ("".join(" " * n + "a:\n" for n in range(2000)), "nested deeper than 32 levels"),
    }
    began = time.process_time()
    for name, (text, words) in bombs.items():
        path = tmp_path / "edge.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigMistakes) as caught:
            read(path, {})
        assert words in str(caught.value), name
        assert len(str(caught.value)) < 500
    assert time.process_time() - began < 5.0
