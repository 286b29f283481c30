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
