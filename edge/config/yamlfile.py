"""A YAML file read into a document: data and nothing else, bounded in size and depth.

Tags are refused, and aliases too (a kilobyte of them makes a terabyte). Only what leaves nothing to read
further ends the reading; every other mistake is noted in the document.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edge.config.document import Document
from edge.config.files import Files
from edge.config.mistakes import ConfigMistakes, Loc, Mistake, dotted
from edge.config.references import DeadReference, References, has_reference, unescaped
from edge.config.scalars import Scalar, looked_up, plain

# three hundred meters by hand are 100 kB
MAX_BYTES = 5_000_000
# the deepest setting stands at eight
_MAX_DEPTH = 32
# libyaml's parser where PyYAML was built with it: ten times faster, the same events
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: Path, environ: Mapping[str, str] | None, files: Files | None = None) -> Document:
    """Read a file and look up its references.

    Args:
        path: The file; `${file:..}` is relative to its directory.
        environ: What `${env:..}` refers to; if None, references stay as they are written, and are looked up nowhere.
        files: Where it is read; on disk if None.

    Returns:
        The document; what is wrong with it so far is in its `mistakes`.

    Raises:
        ConfigMistakes: It cannot be read to its end.
    """
    document = Document(str(path), files=files or Files())
    text = _text(path, document.files)
    builder = _Builder(document, None if environ is None else References(environ, path.parent))
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        line = _line(error.problem_mark)
        context = f" ({error.context})" if error.context else ""
        raise _ending(path, line, f"not YAML: {error.problem}{context}") from None
    except yaml.reader.ReaderError as error:
        raise _ending(path, text.count("\n", 0, error.position) + 1, f"not YAML: {error.reason}") from None
    if not isinstance(document.root, dict):
        raise _ending(path, 1, "expected keys and values, beginning with `version: 1`")
    return document


def _text(path: Path, files: Files) -> str:
    try:
        data = files.read(path, MAX_BYTES)
    except OSError as error:
        raise _ending(path, 1, f"cannot be read: {error.strerror}; {_next_step(error)}") from None
    if len(data) > MAX_BYTES:
        raise _ending(path, 1, f"larger than {MAX_BYTES // 10**6} MB; use templates for devices that are alike")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _ending(path, data.count(b"\n", 0, error.start) + 1, "not UTF-8 text; save it as UTF-8") from None


def _next_step(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "check the name, or let `tezgah-edge init` write a first one"
        case IsADirectoryError():
            return "name the file in it, such as edge.yaml"
        case PermissionError():
            return "ask as the user that the gateway runs as, or give this one the right to read it"
        case _:
            return "check the disk"


def _ending(path: Path, line: int, message: str) -> ConfigMistakes:
    return ConfigMistakes(str(path), [Mistake(line, "", message)])


def _line(mark: Any) -> int:
    return 1 if mark is None else int(mark.line) + 1


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come.

    `key` is the entry of a mapping whose value comes next; `is_again` marks a key given before, whose second value
    is read and dropped.
    """

    value: dict[str | int, Any] | list[Any]
    loc: Loc
    key: str | int | None = None
    is_again: bool = False


class _Builder:
    """Puts the parser's events together; a stack of its own, so no nesting can exhaust Python's."""

    def __init__(self, document: Document, references: References | None) -> None:
        self._document = document
        self._references = references
        self._stack: list[_Open] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        line = _line(event.start_mark)
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise self._end(line, "a second document begins here; the configuration is one")
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_tag(event.tag, line)
                self._open({} if isinstance(event, yaml.MappingStartEvent) else [], line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._stack.pop()
            case yaml.AliasEvent():
                raise self._end(line, f"*{event.anchor}: aliases are not accepted; use `templates` for what repeats")
            case yaml.ScalarEvent():
                self._refuse_tag(event.tag, line)
                self._scalar(event.value, line, is_plain=event.style in (None, ""))

    def _end(self, line: int, message: str) -> ConfigMistakes:
        ending = Mistake(line, dotted(self._stack[-1].loc) if self._stack else "", message)
        return ConfigMistakes(self._document.file, [*self._document.mistakes, ending])

    def _refuse_tag(self, tag: str | None, line: int) -> None:
        # "!" alone only says that the scalar is text
        if tag not in (None, "!"):
            raise self._end(line, f"the tag {tag} is not accepted; the file holds plain values only")

    def _open(self, value: dict[str | int, Any] | list[Any], line: int) -> None:
        if len(self._stack) >= _MAX_DEPTH:
            raise self._end(line, f"nested deeper than {_MAX_DEPTH} levels")
        loc = self._place(line)
        self._store(value)
        self._stack.append(_Open(value, loc))

    def _place(self, line: int) -> Loc:
        """Return where the next value stands."""
        if not self._stack:
            return ()
        top = self._stack[-1]
        if isinstance(top.value, list):
            loc = (*top.loc, len(top.value))
            self._document.lines[loc] = line
            return loc
        if top.key is None:
            raise self._end(line, "a key is a word or a whole number, not a list or a mapping")
        return (*top.loc, f"{top.key}, again" if top.is_again else top.key)

    def _store(self, value: Any) -> None:
        if not self._stack:
            self._document.root = value
            return
        top = self._stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            return
        if top.key is not None and not top.is_again:
            top.value[top.key] = value
        top.key = None

    def _scalar(self, text: str, line: int, *, is_plain: bool) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._key(top, top.value, plain(text) if is_plain else text, line)
        else:
            self._store(self._expanded(self._place(line), text, is_plain=is_plain))

    def _key(self, top: _Open, mapping: dict[str | int, Any], key: Scalar, line: int) -> None:
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise self._end(line, f"the key {key} must be a word or a whole number; put it in quotes")
        loc = (*top.loc, key)
        top.key, top.is_again = key, key in mapping
        if top.is_again:
            self._document.mistake(loc, f"the key is given again on line {line}")
        else:
            self._document.lines[loc] = line

    def _expanded(self, loc: Loc, text: str, *, is_plain: bool) -> Scalar:
        if "${" not in text:
            return plain(text) if is_plain else text
        if has_reference(text):
            self._document.written[loc] = text
        if self._references is None:
            return text if has_reference(text) else unescaped(text)
        try:
            expanded = self._references.expand(text)
        except DeadReference as error:
            self._document.mistake(loc, str(error))
            self._document.dead.add(loc)
            return None
        self._document.references[loc] = expanded.parts
        if expanded.is_whole:
            self._document.whole.add(loc)
            return looked_up(expanded.text)
        return expanded.text
