-- The buffer file, format 3; upgrade.py brings an older one there. One process, one connection, one thread.
-- Whatever matters carries a CRC-32, for SQLite itself does not notice a flipped byte in a row.

-- Epoch, each lane's next number, totals, and when the gateway was last seen alive: one row, JSON (record.State).
CREATE TABLE state (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    body BLOB NOT NULL,
    crc  INTEGER NOT NULL
) STRICT;

-- What the ids in the tail's rows stand for: JSON (shared.reading.Tag). An id is never given to another tag.
CREATE TABLE tag (
    id   INTEGER PRIMARY KEY,
    body BLOB NOT NULL,
    crc  INTEGER NOT NULL
) STRICT;

-- The open tails: one row a commit and lane (shared.wire.lane), its readings and gaps as columns (block.py has the bytes
-- and the CRC). Gaps stand in the lane `state`.
CREATE TABLE tail (
    n            INTEGER PRIMARY KEY,
    lane         INTEGER NOT NULL,
    oldest_us    INTEGER NOT NULL,
    committed_us INTEGER NOT NULL,
    body         BLOB NOT NULL
) STRICT;

-- Sealed batches: `body` is what is sent (shared.wire.batch has the bytes and the CRC). A lane is a range of `seq`.
-- `oldest_us` and `newest_us` are receive times, for the gap that is told if the body turns out damaged.
CREATE TABLE batch (
    seq       INTEGER PRIMARY KEY,
    epoch     BLOB NOT NULL,
    rows      INTEGER NOT NULL,
    sealed_us INTEGER NOT NULL,
    oldest_us INTEGER NOT NULL,
    newest_us INTEGER NOT NULL,
    body      BLOB NOT NULL
) STRICT;

-- Batches that may have been sent to a destination (record.Destination, by number), beside those up to `lent_upto` of
-- their lane (record.Cursor): nothing changes them.
CREATE TABLE lent (
    seq         INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    PRIMARY KEY (seq, destination)
) STRICT, WITHOUT ROWID;

-- Batches that a destination has, or is never to get, while another is owed them still; beside those up to its `upto`.
CREATE TABLE done (
    seq         INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    PRIMARY KEY (seq, destination)
) STRICT, WITHOUT ROWID;

-- Set aside for good: batches that the cloud refuses, bodies that are damaged, readings that cannot be packed.
-- `whom` has the bit of each destination that misses it, all of them if that is not known; `told` the gaps (block.py)
-- that are closed when it is taken after all.
CREATE TABLE quarantine (
    n         INTEGER PRIMARY KEY,
    kind      TEXT NOT NULL CHECK (kind IN ('batch', 'block')),
    reason    TEXT NOT NULL,
    set_us    INTEGER NOT NULL,
    oldest_us INTEGER NOT NULL,
    newest_us INTEGER NOT NULL,
    body      BLOB NOT NULL,
    whom      INTEGER NOT NULL DEFAULT -1,
    told      BLOB
) STRICT;
