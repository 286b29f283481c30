"""Owns the sentences of the operators slice."""

from cloud.languages import Message

NOT_FOUND = Message("There is no operator {key}.", "{key} numaralı bir operatör yok.", code="OPERATOR_NOT_FOUND")
TAKEN = Message(
    "There is an operator with the number {key} already.",
    "{key} numaralı bir operatör zaten var.",
    code="OPERATOR_TAKEN",
)
IN_USE = Message(
    "Operator {key} is named by job logs or as a supervisor, so the row stays; set its status to INACTIVE instead.",
    "{key} numaralı operatör iş kayıtlarında ya da amir olarak geçiyor, bu nedenle silinemez; bunun yerine durumunu "
    "INACTIVE yapın.",
    code="OPERATOR_IN_USE",
)
SUPERVISOR_UNKNOWN = Message(
    "There is no operator {key} to be the supervisor.",
    "Amir olarak verilen {key} numaralı operatör yok.",
    code="SUPERVISOR_UNKNOWN",
)
OWN_SUPERVISOR = Message(
    "Operator {key} cannot be the own supervisor.", "{key} numaralı operatör kendi amiri olamaz.", code="OWN_SUPERVISOR"
)
USER_UNKNOWN = Message(
    "There is no user {user} in the organization.", "Kuruluşta {user} numaralı bir kullanıcı yok.", code="USER_UNKNOWN"
)
USER_TAKEN = Message(
    "User {user} is another operator already.", "{user} numaralı kullanıcı zaten başka bir operatör.", code="USER_TAKEN"
)
