"""Owns the sentences of the telemetry slice."""

from cloud.languages import Message

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
