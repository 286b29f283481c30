"""Owns the sentences of the jobs slice."""

from cloud.languages import Message

NOT_FOUND = Message("There is no job {key}.", "{key} numaralı bir iş yok.", code="JOB_NOT_FOUND")
TAKEN = Message(
    "There is a job with the number {key} already.", "{key} numaralı bir iş zaten var.", code="JOB_NUMBER_TAKEN"
)
IN_USE = Message(
    "Job {key} has job logs, so the row stays; set its job_status to CANCELLED instead.",
    "{key} numaralı işin iş kayıtları var, bu nedenle silinemez; bunun yerine job_status değerini CANCELLED yapın.",
    code="JOB_IN_USE",
)
DATES_BACKWARDS = Message(
    "completion_date lies before start_date", "completion_date, start_date tarihinden önce", code="DATES_BACKWARDS"
)
