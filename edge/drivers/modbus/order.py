"""How a number's bytes lie in the registers that hold it; pure."""

from enum import StrEnum


class ByteOrder(StrEnum):
    """How a number's bytes lie in its registers; A is its most significant byte, read from left to right.

    A register's own bytes are big-endian in the protocol (Modbus Application Protocol V1.1b3, 4.2), all else is up to
    the device. There are three choices: whether the bytes of a register are swapped, the two registers of 32 bits, and
    the two halves of 64. They make eight orders of 64 bits, and four of 32:

        order        16 bits  32 bits  64 bits
        big          AB       ABCD     ABCDEFGH
        little       BA       DCBA     HGFEDCBA
        big-swap     BA       BADC     BADCFEHG
        little-swap  AB       CDAB     GHEFCDAB

    The other four have no names that people agree on, so they are written as they lie; fewer bits than 64 are swapped
    alike:

        CDABGHEF     AB       CDAB     CDABGHEF
        DCBAHGFE     BA       DCBA     DCBAHGFE
        EFGHABCD     AB       ABCD     EFGHABCD
        FEHGBADC     BA       BADC     FEHGBADC

    A text's registers always follow each other as read; only its bytes are swapped.
    """

    BIG = "big"
    LITTLE = "little"
    BIG_SWAP = "big-swap"
    LITTLE_SWAP = "little-swap"
    CDABGHEF = "CDABGHEF"
    DCBAHGFE = "DCBAHGFE"
    EFGHABCD = "EFGHABCD"
    FEHGBADC = "FEHGBADC"

    @property
    def letters(self) -> str:
        """How 64 bits lie."""
        return _LETTERS.get(self, self.value)

    @property
    def in_text(self) -> "ByteOrder":
        """The order of a text's bytes: swapped in each register or not."""
        return ByteOrder.BIG_SWAP if self.is_swapped else ByteOrder.BIG

    @property
    def is_swapped(self) -> bool:
        """Whether a register's low byte comes first."""
        return self.letters.index("A") % 2 == 1

    def places(self, registers: int) -> list[int]:
        """Return where the bytes A B C .. of so many registers stand among the bytes as they came."""
        if registers not in {1, 2, 4}:
            # only a text is
            return [place ^ self.is_swapped for place in range(2 * registers)]
        size = 2 * registers
        # what is narrower than 64 bits lies as its share of them does: A and what lies in the same group as A
        group = self.letters.index("A") // size
        lying = self.letters[group * size : (group + 1) * size]
        return [lying.index(letter) for letter in sorted(lying)]


_LETTERS = {
    ByteOrder.BIG: "ABCDEFGH",
    ByteOrder.LITTLE: "HGFEDCBA",
    ByteOrder.BIG_SWAP: "BADCFEHG",
    ByteOrder.LITTLE_SWAP: "GHEFCDAB",
}
