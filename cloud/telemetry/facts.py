"""The SQL of what readings add up to: the facts of a rollup, and how they are told from readings. Pure."""

COLUMNS = "good, uncertain, bad, numbers, total, low, high, first, last, first_at, last_at, area, known_s"
"""A rollup's facts, in the order of `SUMMED`."""

# PostgreSQL ends a statement in which a product of doubles leaves their range; no unit has numbers so large or small
NUMBER = """
    CASE WHEN quality = 2 THEN NULL WHEN abs(value) < 1e-280 THEN 0 WHEN abs(value) < 1e280 THEN value END
"""
"""What of a reading is added up."""

# A number holds until the tag's next reading, of whatever quality; sums are taken in the order of the key, so that they
# repeat to the last bit. All in the same order, the last one too: PostgreSQL sorts once then, or not at all.
SUMMED = """
    count(*) FILTER (WHERE quality = 0), count(*) FILTER (WHERE quality = 1),
    count(*) FILTER (WHERE quality = 2), count(number),
    coalesce(sum(number ORDER BY ts, n), 0), min(number), max(number),
    (array_agg(number ORDER BY ts, n))[1], (array_agg(number ORDER BY ts, n))[count(*)],
    min(ts) AS first_at, max(ts),
    coalesce(sum(number * held_s ORDER BY ts, n), 0),
    coalesce(sum(held_s ORDER BY ts, n) FILTER (WHERE number IS NOT NULL), 0)
"""
"""The facts of some readings: of `ts`, `n`, `quality`, `number`, and `held_s` until the next reading."""

HELD_S = "date_part('epoch', lead(ts) OVER (ORDER BY ts, n) - ts)"
"""`held_s`; `extract` would reckon in decimal digits, which took a third of the time of settling."""
