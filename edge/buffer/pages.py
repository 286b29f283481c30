"""The pages of a buffer file that SQLite cannot read any more, and the rows that stand on them.

Nothing is asked of the file's structure: neither its header, nor which table a page belongs to, nor how pages hang
together in trees. Each page that looks like a leaf of a table is read by itself, with the overflow pages its rows lead
to; what a row is, and that it is what was written, its reader tells by the checksum it carries (salvage.py). Only pages
that are free are passed over, for what was deleted still stands there. (https://www.sqlite.org/fileformat2.html.)
"""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.buffer.log import frames

SIZE = 4096
_LEAF, _KINDS = 0x0D, {0x02, 0x05, 0x0A, 0x0D}
# a file that may shrink says of every page what it is, five bytes each, on pages of their own
_MAPPED = SIZE // 5
_FREE, _OF_TREE = 2, {1, 5}
# what of a row stands on its leaf, at most and at least
_LOCAL_MOST, _LOCAL_LEAST = SIZE - 35, (SIZE - 12) * 32 // 255 - 23
# four times the largest batch; a length that a flipped bit made up would lead in circles
_MOST_ROW = 32 * 1024 * 1024
Value = int | bytes | str | None


class Unreadable(Exception):
    """Bytes that are not what they should be."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row; `values` are all None from the column on that is cut or cannot be read."""

    rowid: int
    values: Sequence[Value]


class Pages:
    """The newest version of each page: from the log, or from the file.

    Args:
        file: The whole file.
        log: The whole log beside it.

    Attributes:
        unreadable: How many pages of trees could not be read so far.
    """

    def __init__(self, file: bytes | mmap.mmap, log: bytes) -> None:
        self._file = memoryview(file)
        self._log = memoryview(log)
        self._newer: dict[int, int] = {}
        doubtful: dict[int, bool] = {}
        # the newest, also where it is damaged: its rows have checksums, and an older one lacks some of them
        for frame in frames(log, SIZE):
            self._newer[frame.page], doubtful[frame.page] = frame.at, not frame.is_whole
        self._newer.pop(0, None)
        self.unreadable = sum(doubtful.values())
        # a page number that a flipped bit made up
        most = len(self._file) // SIZE + len(self._newer)
        self._newer = {page: at for page, at in self._newer.items() if page <= most}
        self.count = max([len(self._file) // SIZE, *self._newer])

    def rows(self) -> Iterator[Row]:
        """Yield every row of every table's leaves; whoever asks knows the tables by their rows."""
        # the first holds the schema, which is known
        for number in range(2, self.count + 1):
            kind = self._kind(number)
            if kind == _FREE or self._is_map(number):
                continue
            page = self._page(number)
            if page is None or page[0] not in _KINDS:
                self.unreadable += kind in _OF_TREE
            elif page[0] == _LEAF:
                yield from self._cells(page)

    def expected(self) -> int:
        """Return how many pages there were, as far as what is left can tell."""
        first = self._page(1)
        told = int.from_bytes(first[28:32]) if first is not None and bytes(first[:15]) == b"SQLite format 3" else 0
        mapped = [number for number in range(self.count, max(self.count - _MAPPED, 0), -1) if self._is_map(number)]
        for at in mapped[:1]:
            page = self._page(at)
            used = [place for place in range(_MAPPED) if page is not None and 1 <= page[5 * place] <= 5]
            told = max(told, at + 1 + max(used, default=-1))
        return told if told <= 4 * self.count + 4 * _MAPPED else self.count + 1

    def _page(self, number: int) -> memoryview | None:
        if number in self._newer:
            at = self._newer[number]
            return self._log[at : at + SIZE]
        page = self._file[(number - 1) * SIZE : number * SIZE] if number else self._file[:0]
        return page if len(page) == SIZE else None

    @staticmethod
    def _is_map(number: int) -> bool:
        return number >= 2 and (number - 2) % (_MAPPED + 1) == 0

    def _kind(self, number: int) -> int:
        """Return what the file's own map says of a page, 0 if it says nothing."""
        at = (number - 2) // (_MAPPED + 1) * (_MAPPED + 1) + 2
        page, place = self._page(at), number - at - 1
        return page[5 * place] if page is not None and 0 <= place < _MAPPED else 0

    def _cells(self, page: memoryview) -> Iterator[Row]:
        count = int.from_bytes(page[3:5])
        is_sound = 8 + 2 * count <= SIZE
        before = -1
        for place in range(8, min(8 + 2 * count, SIZE - 1), 2):
            try:
                row = self._row(page, int.from_bytes(page[place : place + 2]))
            except Unreadable:
                is_sound = False
                continue
            if row.rowid > before:
                yield row
            else:
                # the key itself may be what was changed, and a tag must not come under another's
                is_sound = False
            before = max(before, row.rowid)
        self.unreadable += not is_sound

    def _row(self, page: memoryview, at: int) -> Row:
        size, at = _varint(page, at)
        if size > _MOST_ROW:
            raise Unreadable
        rowid, at = _varint(page, at)
        if size <= _LOCAL_MOST:
            payload = bytes(page[at : at + size])
        else:
            local = _LOCAL_LEAST + (size - _LOCAL_LEAST) % (SIZE - 4)
            local = local if local <= _LOCAL_MOST else _LOCAL_LEAST
            payload = bytes(page[at : at + local]) + self._overflow(
                int.from_bytes(page[at + local : at + local + 4]), size - local
            )
        return Row(rowid, _values(payload))

    def _overflow(self, number: int, size: int) -> bytes:
        """Return what stands on the pages that follow, as far as they lead."""
        parts: list[memoryview] = []
        while size > 0 and (page := self._page(number)) is not None:
            parts.append(page[4 : 4 + min(size, SIZE - 4)])
            size -= SIZE - 4
            number = int.from_bytes(page[:4])
        return b"".join(parts)


def _varint(data: Sequence[int], at: int) -> tuple[int, int]:
    value = 0
    for count in range(9):
        if at >= len(data):
            raise Unreadable
        byte = data[at]
        at += 1
        if count == 8:
            return value << 8 | byte, at
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            break
    return value, at


def _values(payload: bytes) -> list[Value]:
    end, at = _varint(payload, 0)
    if not at <= end <= min(len(payload), 200):
        raise Unreadable
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    values: list[Value] = []
    for kind in kinds:
        value, at = _value(payload, at, kind)
        values.append(value)
    return values


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    """Return a value and where the next begins; None if the payload ends before it does."""
    if kind in {8, 9}:
        return kind - 8, at
    size = (0, 1, 2, 3, 4, 6, 8, 8)[kind] if kind < 8 else (kind - 12) // 2
    data, at = payload[at : at + size], at + size
    if len(data) < size or kind == 0:
        return None, at
    if kind <= 6:
        return int.from_bytes(data, signed=True), at
    if kind >= 12 and kind % 2:
        return data.decode("utf-8", errors="replace"), at
    return (data if kind >= 12 else None), at
