"""Owns the sentences of the job logs slice."""

from cloud.languages import Message

ANOTHERS_WORK = Message(
    "How somebody else works is shown to planners and admins only.",
    "Başkasının çalışması yalnız planlamacılara ve yöneticilere gösterilir.",
    code="ANOTHERS_WORK",
)
