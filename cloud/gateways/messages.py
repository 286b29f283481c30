"""Owns the sentences of the gateways slice."""

from cloud.languages import Message

NAME_TAKEN = Message(
    "There is a gateway named {gateway} already; revoke its token first to give it another.",
    "{gateway} adlı bir ağ geçidi zaten var; yeni belirteç vermek için önce eskisini iptal edin.",
    code="GATEWAY_NAME_TAKEN",
)
NAME_RESERVED = Message(
    "{gateway} stands for the people who post readings by hand; it has no token, and no other gateway has its name.",
    "{gateway}, elle ölçüm gönderen kişileri temsil eder; belirteci yoktur ve başka bir ağ geçidi bu adı alamaz.",
    code="GATEWAY_NAME_RESERVED",
)
NAME_UNPRINTABLE = Message(
    "a gateway's name is of printable characters only, as its batches carry it",
    "ağ geçidinin adı, partilerinde yazdığı gibi, yalnızca yazdırılabilir karakterlerden oluşmalı",
    code="GATEWAY_NAME_UNPRINTABLE",
)
NOT_FOUND = Message(
    "There is no gateway named {gateway}.", "{gateway} adlı bir ağ geçidi yok.", code="GATEWAY_NOT_FOUND"
)
TOKEN_MISSING = Message(
    "{path} takes a gateway's token: send `Authorization: Bearer tzg_...`.",
    "{path} bir ağ geçidinin belirtecini ister: `Authorization: Bearer tzg_...` gönderin.",
)
TOKEN_INVALID = Message(
    "The bearer token is not a gateway's; `tezgah-cloud gateway create` gives one.",
    "Gönderilen belirteç bir ağ geçidine ait değil; `tezgah-cloud gateway create` bir tane verir.",
)
TOKEN_REVOKED = Message(
    "The token of gateway {gateway} was revoked.",
    "{gateway} adlı ağ geçidinin belirteci iptal edilmiş.",
    code="TOKEN_REVOKED",
)
CODE_INVALID = Message(
    "The enrolment code is not valid; one is good once and for 15 minutes. Ask an admin for another.",
    "Kayıt kodu geçerli değil; bir kod tek kullanımlıktır ve 15 dakika geçerlidir. Yöneticiden yenisini isteyin.",
)
NO_CONFIGURATION = Message(
    "No such configuration was set for gateway {gateway}.",
    "{gateway} ağ geçidi için böyle bir yapılandırma tanımlanmamış.",
    code="CONFIGURATION_NOT_FOUND",
)
