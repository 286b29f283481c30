"""Owns the sentences of the frame: what every request may be answered, whatever its slice."""

from collections.abc import Mapping

from cloud.languages import Message

INTERNAL = Message(
    "Something went wrong on our side; it is in the log as {request}.",
    "Bizden kaynaklanan bir hata oluştu; günlükte {request} numarasıyla kayıtlı.",
)
CURSOR_INVALID = Message(
    "The cursor is not one of this list; begin again without it.",
    "Bu imleç bu listeye ait değil; imleç vermeden baştan başlayın.",
    code="CURSOR_INVALID",
)

# conditional and repeated requests
CHANGED_MEANWHILE = Message(
    "It was changed since you read it; read it again, then decide.",
    "Siz okuduktan sonra değiştirilmiş; yeniden okuyup öyle karar verin.",
)
IDEMPOTENCY_KEY_INVALID = Message(
    "Idempotency-Key takes 1 to 255 printable ASCII characters without blanks, such as a UUID.",
    "Idempotency-Key, boşluk içermeyen 1-255 yazdırılabilir ASCII karakterden oluşmalı; örneğin bir UUID.",
    code="IDEMPOTENCY_KEY_INVALID",
)
IDEMPOTENCY_KEY_IN_USE = Message(
    "A request with this Idempotency-Key is being served; ask again in a second.",
    "Bu Idempotency-Key ile gönderilmiş bir istek hâlâ işleniyor; bir saniye sonra yeniden sorun.",
    code="IDEMPOTENCY_KEY_IN_USE",
)
IDEMPOTENCY_KEY_REUSED = Message(
    "This Idempotency-Key was used for another request; a new request needs a new key.",
    "Bu Idempotency-Key başka bir istekte kullanılmış; yeni istek yeni bir anahtar ister.",
    code="IDEMPOTENCY_KEY_REUSED",
)
IDEMPOTENCY_ANSWER_NOT_KEPT = Message(
    "This request was carried out; its answer held a secret, which is not kept. Read what it made.",
    "Bu istek yerine getirilmişti; yanıtında saklanmayan bir gizli bilgi vardı. Oluşan kaydı okuyun.",
    code="IDEMPOTENCY_ANSWER_NOT_KEPT",
)

# the database
SCHEMA_MISMATCH = Message(
    "The database schema is not the one this version needs; run `tezgah-cloud migrate`.",
    "Veritabanı şeması bu sürümün gerektirdiği şema değil; `tezgah-cloud migrate` komutunu çalıştırın.",
)
SCHEMA_DIFFERS = Message(
    "The database schema differs from this version's in {count} places; the log and admins are told where.",
    "Veritabanı şeması bu sürümün şemasından {count} yerde farklı; ayrıntılar günlükte ve yöneticilere gösterilir.",
)
CLASH = Message(
    "It clashes with what is stored; read the current state and try again.",
    "İstek kayıtlı verilerle çakışıyor; güncel durumu okuyup yeniden deneyin.",
)
UNSTORABLE = Message(
    "A value cannot be stored: it is out of range or holds a forbidden character.",
    "Bir değer kaydedilemiyor: aralık dışında ya da yasak bir karakter içeriyor.",
)
DATABASE_UNAVAILABLE = Message(
    "The database does not answer; try again in {retry_after_s} s.",
    "Veritabanı yanıt vermiyor; {retry_after_s} saniye sonra yeniden deneyin.",
)

DATABASE_BUSY = Message(
    "Others are changing the same things; try again in {retry_after_s} s.",
    "Aynı kayıtlar şu anda başkaları tarafından değiştiriliyor; {retry_after_s} saniye sonra yeniden deneyin.",
    code="DATABASE_BUSY",
)

# HTTP
BODY_TOO_LARGE = Message(
    "The body is larger than the {limit} bytes {path} takes.",
    "Gövde, {path} yolunun kabul ettiği {limit} bayttan büyük.",
)
BODY_TOO_SLOW = Message(
    "The body took longer than {limit_s} s to come.",
    "Gövdenin gelmesi {limit_s} saniyeden uzun sürdü.",
    code="REQUEST_TIMEOUT",
    title=Message("Request timeout", "İstek zaman aşımına uğradı"),
)
BODY_COMPRESSED = Message(
    "{path} takes no body in the Content-Encoding {encoding}; send it as it is.",
    "{path} yolu {encoding} Content-Encoding'i ile sıkıştırılmış gövde kabul etmez; gövdeyi sıkıştırmadan gönderin.",
)
_BY_STATUS: Mapping[int, Message] = {
    400: Message("The body cannot be read.", "Gövde okunamıyor.", title=Message("Bad request", "Hatalı istek")),
    404: Message(
        "There is nothing at {path}.", "{path} yolunda bir şey yok.", title=Message("Not found", "Bulunamadı")
    ),
    405: Message(
        "{path} does not answer {method}; the Allow header lists what it answers.",
        "{path} yolu {method} yöntemini yanıtlamıyor; yanıtladıkları Allow başlığında yazıyor.",
        title=Message("Method not allowed", "Yönteme izin verilmiyor"),
    ),
}
_REFUSED = Message(
    "The request was refused: {phrase}.",
    "İstek reddedildi: {phrase}.",
    title=Message("Request refused", "İstek reddedildi"),
)


def of_status(status: int) -> Message:
    """Return what is said where the framework itself refused a request, and only a status is known."""
    return _BY_STATUS.get(status, _REFUSED)
