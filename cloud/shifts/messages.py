"""Owns the sentences of the shifts slice."""

from cloud.languages import Message

PATTERN_NOT_FOUND = Message(
    "There is no shift pattern {pattern}.", "{pattern} numaralı bir vardiya düzeni yok.", code="SHIFT_PATTERN_NOT_FOUND"
)
EXCEPTION_NOT_FOUND = Message(
    "Shift pattern {pattern} has no exception {exception}.",
    "{pattern} numaralı vardiya düzeninin {exception} numaralı bir istisnası yok.",
    code="SHIFT_EXCEPTION_NOT_FOUND",
)
DAY_BEYOND_CYCLE = Message(
    "shift {shift} is on day {day} of a cycle of {cycle_days} days; days count from 0",
    "{shift} vardiyası {cycle_days} günlük döngünün {day}. gününde; günler 0'dan sayılır",
    code="DAY_BEYOND_CYCLE",
)
SHIFT_REPEATED = Message(
    "two shifts of one day have the same name", "aynı günde aynı adda iki vardiya var", code="SHIFT_REPEATED"
)
VALIDITY_BACKWARDS = Message(
    "valid_to must be later than anchor", "valid_to, anchor tarihinden sonra olmalı", code="VALIDITY_BACKWARDS"
)
EXCEPTION_SHIFTS = Message(
    "a replaced day needs shifts, and a closed one has none",
    "değiştirilen gün için vardiya gerekir, kapalı günün vardiyası olmaz",
    code="EXCEPTION_SHIFTS",
)
WHOLE_MINUTES = Message(
    "a time of day here is in whole minutes and without an offset, such as 22:00",
    "buradaki saatler 22:00 gibi, tam dakika ve saat dilimi farkı olmadan yazılmalı",
    code="WHOLE_MINUTES",
)
SHIFTS_OVERLAP = Message(
    "{one} of {one_date} and {other} of {other_date} overlap; a machine works one shift at a time.",
    "{one_date} tarihli {one} ile {other_date} tarihli {other} çakışıyor; bir makine aynı anda tek vardiyada çalışır.",
    code="SHIFTS_OVERLAP",
)
BREAK_OUTSIDE = Message(
    "The break {start}-{end} of {shift} is not inside the shift.",
    "{shift} vardiyasının {start}-{end} molası vardiyanın içinde değil.",
    code="BREAK_OUTSIDE_SHIFT",
)
EXCEPTION_EXISTS = Message(
    "The pattern has an exception on {business_date} already; delete that first.",
    "Düzenin {business_date} tarihinde zaten bir istisnası var; önce onu silin.",
    code="SHIFT_EXCEPTION_EXISTS",
)
RANGE_TOO_LONG = Message(
    "There is no range of at most {most} days from {first} to {last}.",
    "{first} ile {last} arasında en çok {most} günlük bir aralık yok.",
    code="DAYS_INVALID",
)
