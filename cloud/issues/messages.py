"""Owns the sentences of the issues slice."""

from collections.abc import Mapping

from cloud.languages import Message

NOT_FOUND = Message("There is no issue {issue}.", "{issue} numaralı bir sorun kaydı yok.", code="ISSUE_NOT_FOUND")
NOTHING_TO_CHANGE = Message(
    "say at least one field that is to be different", "değişecek en az bir alan verin", code="NOTHING_TO_CHANGE"
)
NULL_REFUSED = Message(
    "{field} cannot be null; leave it out to keep it",
    "{field} null olamaz; olduğu gibi kalması için hiç vermeyin",
    code="NULL_REFUSED",
)
TRANSITION = Message(
    "Issue {issue} {is_now}; it cannot become {wanted}.",
    "{issue} numaralı sorun kaydı {is_now}; {wanted} durumuna geçemez.",
    code="ISSUE_INVALID_TRANSITION",
    title=Message("Invalid issue transition", "Geçersiz sorun durumu geçişi"),
)
# by status; its names stand in `schemas`, which needs this module
IS: Mapping[str, Message] = {
    "open": Message("is open", "açık"),
    "ack": Message("is acknowledged", "üstlenilmiş"),
    "resolved": Message("is resolved", "çözülmüş"),
}
REOPENING = Message(
    "Issue {issue} is resolved; only a planner or an admin opens it again.",
    "{issue} numaralı sorun kaydı çözülmüş; onu yalnızca planlamacı veya yönetici yeniden açabilir.",
)

# photos
NO_PHOTO = Message(
    "The file is not a photo; {accepted} are taken, told by their content.",
    "Dosya bir fotoğraf değil; {accepted} kabul edilir, türü içeriğinden anlaşılır.",
    code="NOT_A_PHOTO",
)
PHOTO_EMPTY = Message("The file is empty.", "Dosya boş.", code="PHOTO_EMPTY")
PHOTO_TOO_LARGE = Message(
    "The photo has {size} bytes; at most {limit} are taken.",
    "Fotoğraf {size} bayt; en çok {limit} bayt kabul edilir.",
    code="PHOTO_TOO_LARGE",
)
TOO_MANY_PHOTOS = Message(
    "Issue {issue} has {limit} photos already, and takes no more.",
    "{issue} numaralı sorun kaydında zaten {limit} fotoğraf var; daha fazlası alınmaz.",
    code="TOO_MANY_PHOTOS",
)
PHOTO_NOT_FOUND = Message(
    "Issue {issue} has no attachment {attachment}.",
    "{issue} numaralı sorun kaydında {attachment} numaralı ek yok.",
    code="ATTACHMENT_NOT_FOUND",
)
STORAGE_UNAVAILABLE = Message(
    "The store of photos does not answer; try again in {retry_after_s} s.",
    "Fotoğraf deposu yanıt vermiyor; {retry_after_s} saniye sonra yeniden deneyin.",
    code="STORAGE_UNAVAILABLE",
)
CONTENT_MISSING = Message(
    "The photo's content is not in the store any more.", "Fotoğrafın içeriği artık depoda yok.", code="PHOTO_GONE"
)
