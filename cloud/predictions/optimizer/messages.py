"""Owns the sentences of the OEE optimizer."""

from cloud.languages import Message

SUGGESTION_NOT_FOUND = Message(
    "There is no suggestion {suggestion}.", "{suggestion} numaralı bir öneri yok.", code="SUGGESTION_NOT_FOUND"
)
SUGGESTION_DECIDED = Message(
    "Suggestion {suggestion} is {current_status} already; only an open one can be decided.",
    "{suggestion} numaralı öneri zaten {current_status}; yalnızca açık olana karar verilebilir.",
    code="SUGGESTION_DECIDED",
)
FEW_DAYS = Message(
    "{days} days with figures are known of {machine} in this time, {needed} are needed, "
    "of states and counts that its gateway tells (imported hours are none); ask for a longer time, or later.",
    "{machine} için bu sürede değeri bilinen gün sayısı {days}, en az {needed} gerekir; bunları ağ geçidinin "
    "bildirdiği durumlar ve sayımlar verir (içe aktarılan saatler vermez). Daha uzun bir süre ya da daha sonra "
    "sorun.",
)
NO_OEE = Message(
    "The OEE of {machine} is not known: its quality is not measured, or pieces have no ideal cycle.",
    "{machine} için OEE bilinmiyor: kalitesi ölçülmüyor ya da parçaların ideal çevrimi yok.",
)
ASSOCIATION = Message(
    "Goes along with, and does not cause: who gets the hard products or the nights looks worse by them.",
    "Birlikte görülür, neden olduğu anlamına gelmez: zor ürünlere ya da gecelere denk gelen bu yüzden kötü görünür.",
)
ALONE = Message(
    "No other machine is at its location, so nothing is said of a line.",
    "Aynı yerde başka makine yok; bu yüzden hat için bir şey denmiyor.",
)
BOTTLENECK_UNKNOWN = Message(
    "Which machine holds the line up is not sure; a gain here is a gain of the line only if it is this one.",
    "Hattı hangi makinenin tuttuğu kesin değil; buradaki kazanç, ancak o makine buysa hattın kazancıdır.",
)
IS_BOTTLENECK = Message(
    "This machine holds the line up: what it gains, the line gains, until the next one does.",
    "Hattı bu makine tutuyor: onun kazancı, sıradaki makine devreye girene dek hattın kazancıdır.",
)
NOT_BOTTLENECK = Message(
    "{machine} holds the line up, and not this one: a gain here gains nothing for the line.",
    "Hattı bu makine değil {machine} tutuyor: buradaki kazanç hatta bir şey kazandırmaz.",
)
NOT_YET = Message(
    "Too few days since it was accepted, or nothing alike before: {needed} days on either side are needed.",
    "Kabul edildiğinden beri geçen gün az ya da öncesinde benzeri yok: her iki yanda {needed} gün gerekir.",
)
