"""Owns the sentences of the machines slice."""

from cloud.languages import Message

NOT_FOUND = Message("There is no machine {machine}.", "{machine} adında bir makine yok.", code="MACHINE_NOT_FOUND")
CODE_TAKEN = Message(
    "There is a machine with the code {machine} already.",
    "{machine} kodlu bir makine zaten var.",
    code="MACHINE_CODE_TAKEN",
)
