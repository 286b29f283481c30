"""Owns the sentences of the analytics slice."""

from cloud.languages import Message

POLICY_NOT_FOUND = Message(
    "There is no policy {policy}; there are {valid_values}.",
    "{policy} adında bir politika yok; olanlar: {valid_values}.",
    code="POLICY_NOT_FOUND",
)
POLICY_PRESET = Message(
    "Policy {policy} comes with the service and stays as it is; choose another name.",
    "{policy} politikası hizmetle gelir ve değiştirilemez; başka bir ad seçin.",
    code="POLICY_IS_A_PRESET",
)
RANGE_BACKWARDS = Message(
    "`from` {start} is not before `to` {end}.",
    "`from` {start}, `to` {end} değerinden önce değil.",
    code="RANGE_BACKWARDS",
)
RANGE_TOO_LONG = Message(
    "From {start} to {end} are more than {most} days; ask for less, or by longer periods.",
    "{start} ile {end} arası {most} günden uzun; daha kısa bir aralık ya da daha uzun dönemler isteyin.",
    code="RANGE_TOO_LONG",
)
ANOTHER_MACHINE = Message(
    "The path names machine {path}, the body {body}.",
    "Adres {path}, gövde ise {body} makinesini belirtiyor.",
    code="MACHINE_DIFFERS",
)
NO_MACHINES = Message(
    "No machine matches; name some with `machine`, or leave it out for all.",
    "Eşleşen makine yok; `machine` ile makine belirtin ya da hepsi için boş bırakın.",
    code="NO_MACHINES",
)
NO_REASON = Message("no reason given ({state})", "neden belirtilmedi ({state})")

WORK_TOO_FINE = Message(
    "Figures of a shift, part, order, job or operator are by shift, day, week or month, of at most {most} days.",
    "Bir vardiyanın, parçanın, iş emrinin, işin ya da operatörün değerleri shift, day, week ya da month olarak, en çok "
    "{most} gün için istenir.",
    code="GRAIN_TOO_FINE",
)
WINDOW_BACKWARDS = Message("`to` is not after `from`.", "`to`, `from` değerinden sonra değil.", code="WINDOW_BACKWARDS")
LEDGER_TOO_LONG = Message(
    "The ledger is drawn up of at most {most} days at once; ask for a shorter time, or `by=joblog`.",
    "Defter bir kerede en çok {most} gün için çıkarılır; daha kısa bir süre isteyin ya da `by=joblog` kullanın.",
    code="RANGE_TOO_LONG",
)
