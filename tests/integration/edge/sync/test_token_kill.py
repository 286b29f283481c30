"""kill -9 while a token is being replaced, again and again: what stands in its file is always a whole token."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 12
WRITER = """
import sys
from pathlib import Path
from edge.sync.token import TokenStore
file = Path(sys.argv[1])
store = TokenStore(file.read_text().strip(), file, file.parent)
print("ready", flush=True)
for number in range(10**9):
    store.keep("tzg_" + str(number % 10) * 4000)
    print("kept", flush=True)
"""


def test_a_writer_that_is_killed_leaves_a_whole_token(tmp_path: Path) -> None:
    file, chance = tmp_path / "edge-token", random.Random(7)
    file.write_text("tzg_begin\n", encoding="ascii")
    found = set()
    for _ in range(ROUNDS):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            # some rounds begin after a replacement, others before the first
            for _ in range(1 + chance.randrange(4)):
                assert writer.stdout.readline()
            until = time.monotonic() + chance.uniform(0.0, 0.02)
            while time.monotonic() < until:
                pass
            writer.send_signal(signal.SIGKILL)
        token = file.read_text(encoding="ascii").strip()
        assert token == "tzg_begin" or (len(token) == 4004 and len(set(token[4:])) == 1), token[:80]
        found.add(token)
    assert len(found) > 1, "it was never killed after a replacement"
