"""A disk that refuses: the operating system fails every write behind a small offset of any file."""

import contextlib
import resource
from collections.abc import Iterator

# Below the length that a buffer's log has from the start, above what pytest writes while it captures.
_OFFSET = 24_000


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Let writes fail until the block ends (POSIX; Python ignores the signal that goes with it)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_OFFSET, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
