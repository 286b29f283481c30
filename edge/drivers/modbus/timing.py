"""How long things take on a Modbus line: characters, silences, frames; pure.

Source: Modbus over Serial Line V1.02, 2.5.1: a character has 11 bits, frames are parted by 3.5 characters of silence,
and above 19200 baud by 1.75 ms.
"""

CHARACTER_BITS = 11
_SILENT_CHARACTERS = 3.5
_FAST_BAUD, _FAST_SILENCE_S = 19200, 0.00175


def character_s(baud: int) -> float:
    """Return the time of one character, seconds."""
    return CHARACTER_BITS / baud


def silence_s(baud: int) -> float:
    """Return the silence between two frames, seconds."""
    return _FAST_SILENCE_S if baud > _FAST_BAUD else _SILENT_CHARACTERS * character_s(baud)
