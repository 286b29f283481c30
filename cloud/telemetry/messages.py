"""Owns the sentences of the telemetry slice."""

from cloud.languages import Message

DAYS_INVALID = Message(
    "There is no range of at most {most} days from {first} to {last}.",
    "{first} ile {last} arasında en çok {most} günlük bir aralık yok.",
    code="DAYS_INVALID",
)
VALUE_MISSING = Message(
    "a value is missing; only a bad reading has none",
    "değer eksik; yalnızca niteliği bad olan ölçüm değersiz olabilir",
    code="VALUE_MISSING",
)
STATE_UNKNOWN = Message(
    "a state must be {valid_values}, not {given}", "durum {valid_values} olmalı; {given} geçersiz", code="STATE_UNKNOWN"
)
UNIT_IMPOSSIBLE = Message(
    "{reading_type} is not measured in {unit}; it must be {valid_values}",
    "{reading_type} ölçümünün birimi {unit} olamaz; {valid_values} olmalı",
    code="UNIT_IMPOSSIBLE",
)
NUMBER_NEEDED = Message("{reading_type} must be a number", "{reading_type} ölçümü sayı olmalı", code="NUMBER_NEEDED")
WHOLE_NEEDED = Message(
    "{reading_type} counts in whole numbers, not {value}",
    "{reading_type} ölçümü tam sayı olmalı; {value} geçersiz",
    code="WHOLE_NUMBER_NEEDED",
)
VALUE_IMPOSSIBLE = Message(
    "{reading_type} cannot be {value} {unit}; it lies between {minimum} and {maximum} {unit}",
    "{reading_type} {value} {unit} olamaz; {minimum} ile {maximum} {unit} arasında olmalı",
    code="VALUE_IMPOSSIBLE",
)
UNIT_DIFFERS = Message(
    "Reading {index}: tag {tag} of machine {machine} is {known}, not {given}; send it so, or under another tag.",
    "{index}. ölçüm: {machine} makinesinin {tag} etiketi {known}, {given} değil; "
    "öyle gönderin ya da başka etiket kullanın.",
    code="TAG_DIFFERS",
)
FROM_THE_FUTURE = Message(
    "Reading {index} is of {told}, which is later than now ({now}); check the clock and its offset.",
    "{index}. ölçümün zamanı ({told}) şu andan ({now}) ileride; saati ve saat dilimini denetleyin.",
    code="READING_FROM_THE_FUTURE",
)

# the reason is the wire's own, for whoever builds a gateway
BATCH_INVALID = Message("The batch cannot be read: {reason}.", "Parti okunamıyor: {reason}.")
BATCH_CONFLICT = Message(
    "Batch {seq} of buffer {epoch} was stored with another content at {stored_at}; "
    "gateway {gateway} was cloned or restored.",
    "{epoch} tamponunun {seq} numaralı partisi {stored_at} zamanında başka bir içerikle kaydedilmiş; "
    "{gateway} ağ geçidi kopyalanmış ya da yedekten dönülmüş.",
)
GATEWAY_MISMATCH = Message(
    "The batch is from gateway {batch_gateway}, the token is of {token_gateway}; "
    "check gateway.id and cloud.token of the gateway's configuration.",
    "Parti {batch_gateway} ağ geçidinden, belirteç ise {token_gateway} ağ geçidinin; "
    "ağ geçidi yapılandırmasındaki gateway.id ve cloud.token değerlerini denetleyin.",
)
PLACES_TAKEN = Message(
    "{places} batches are being stored; send this one again.",
    "Şu anda {places} parti kaydediliyor; bu partiyi yeniden gönderin.",
)
STORE_LATER = Message(
    "The batch could not be stored now; send it again.", "Parti şu anda kaydedilemedi; yeniden gönderin."
)
BATCH_TYPE = Message(
    "Batches come as {expected}, not {given}.", "Partiler {expected} türünde gönderilmeli; gelen: {given}."
)
NO_TYPE = Message("a body without a Content-Type", "Content-Type başlığı olmayan bir gövde")
BATCH_SLOW = Message(
    "The batch took longer than {limit_s} s to come.", "Partinin gelmesi {limit_s} saniyeden uzun sürdü."
)
BATCH_CUT = Message("The connection ended before the batch did.", "Parti tamamlanmadan bağlantı kesildi.")
RANGE_BACKWARDS = Message(
    "`from` {start} is not before `to` {end}.", "`from` {start}, `to` {end} değerinden önce değil."
)

# how long things are kept: said at the command line, to an operator
FOR_EVER = Message("for ever", "süresiz")
KEPT_TOO_SHORT = Message(
    "{kind} cannot be kept for {days} days; {least} is the least.",
    "{kind} {days} gün saklanamaz; en az {least} gün olmalı.",
)
KEPT_SHORTER = Message(
    "{kind} cannot be kept for {days} days while readings are kept for {readings} days: "
    "they must be kept at least as long as readings are.",
    "Ölçümler {readings} gün saklanırken {kind} {days} gün saklanamaz: en az ölçümler kadar saklanmalı.",
)
