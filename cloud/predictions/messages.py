"""Owns the sentences of the predictions slice."""

from cloud.languages import Message

NO_ALGORITHM = Message(
    "There is no algorithm {name}; there are {known}.",
    "{name} adlı bir algoritma yok; şunlar var: {known}.",
    code="ALGORITHM_UNKNOWN",
)
INSUFFICIENT_DATA = Message(
    "There is too little to learn from: {reason}.",
    "Öğrenmek için yeterli veri yok: {reason}.",
    code="INSUFFICIENT_DATA",
)
ARTEFACT_REFUSED = Message(
    "The stored model is refused: {reason}.",
    "Kayıtlı model reddedildi: {reason}.",
    code="ARTEFACT_REFUSED",
)
