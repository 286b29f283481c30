"""Owns the sentences of the machines slice."""

from cloud.languages import Message

NOT_FOUND = Message("There is no machine {machine}.", "{machine} adında bir makine yok.", code="MACHINE_NOT_FOUND")
DECOMMISSIONED = Message(
    "Machine {machine} is decommissioned; it takes no readings and no work.",
    "{machine} makinesi hizmet dışı bırakılmış; ölçüm ve iş kabul etmez.",
    code="MACHINE_DECOMMISSIONED",
    title=Message("Machine decommissioned", "Makine hizmet dışı"),
)
CUSTOMER_UNKNOWN = Message(
    "There is no organization with this customer_organization_id.",
    "customer_organization_id ile verilen kuruluş bulunamadı.",
    code="CUSTOMER_UNKNOWN",
)
CODE_TAKEN = Message(
    "There is a machine with the code {machine} already.",
    "{machine} kodlu bir makine zaten var.",
    code="MACHINE_CODE_TAKEN",
)
CAVITIES_TO_COME = Message(
    "valid_from {valid_from} has not come yet; tell how many cavities are active when the mould is on the machine.",
    "valid_from {valid_from} henüz gelmedi; etkin göz sayısını kalıp makineye takıldığında bildirin.",
    code="CAVITIES_TO_COME",
)
CAVITIES_TAKEN = Message(
    "Of machine {machine} something was told from {valid_from} on already; take it back first.",
    "{machine} makinesi için {valid_from} anından itibaren zaten bir bildirim var; önce onu geri alın.",
    code="CAVITIES_TAKEN",
)
CAVITIES_NOT_FOUND = Message(
    "Nothing of the id {told} was told of machine {machine}'s cavities.",
    "{machine} makinesinin gözleri hakkında {told} numaralı bir bildirim yok.",
    code="CAVITIES_NOT_FOUND",
)
