"""Owns the sentences of the parts slice."""

from cloud.languages import Message

NOT_FOUND = Message("There is no part {key}.", "{key} numaralı bir parça yok.", code="PART_NOT_FOUND")
TAKEN = Message(
    "There is a part with the number {key} already.", "{key} numaralı bir parça zaten var.", code="PART_NUMBER_TAKEN"
)
IN_USE = Message(
    "Part {key} has job logs or ideal cycles, so the row stays.",
    "{key} numaralı parçanın iş kayıtları ya da ideal çevrimleri var, bu nedenle silinemez.",
    code="PART_IN_USE",
)
ONE_PLACE = Message(
    "give either machine or machine_type",
    "machine ya da machine_type alanlarından yalnız birini verin",
    code="ONE_PLACE",
)
CYCLE_TAKEN = Message(
    "Part {key} has an ideal cycle from {valid_from} on for that place already; delete it first.",
    "{key} numaralı parçanın o yer için {valid_from} tarihinden başlayan bir ideal çevrimi zaten var; önce onu silin.",
    code="IDEAL_CYCLE_TAKEN",
)
CYCLE_NOT_FOUND = Message(
    "There is no ideal cycle {cycle} of part {key}.",
    "{key} numaralı parçanın {cycle} numaralı bir ideal çevrimi yok.",
    code="IDEAL_CYCLE_NOT_FOUND",
)
