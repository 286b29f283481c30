"""Owns the list of every table: importing this module is what makes the metadata whole."""

from sqlalchemy import MetaData

from cloud import changes, idempotency, marks
from cloud.analytics import models as analytics
from cloud.db import Table
from cloud.gateways import models as gateways
from cloud.identity import models as identity
from cloud.imports import models as imports
from cloud.issues import models as issues
from cloud.joblogs import models as joblogs
from cloud.jobs import models as jobs
from cloud.machines import models as machines
from cloud.maintenance import models as maintenance
from cloud.operators import models as operators
from cloud.parts import models as parts
from cloud.predictions import stored as predictions
from cloud.predictions.imported import rows as imported
from cloud.predictions.learning import rows as learning
from cloud.predictions.optimizer import stored as optimizer
from cloud.production import models as production
from cloud.reports import models as reports
from cloud.shifts import models as shifts
from cloud.sync import models as sync
from cloud.telemetry import models as telemetry
from cloud.workorders import models as workorders

FRAME = (changes, idempotency, marks)
SLICES = (
    identity,
    gateways,
    machines,
    telemetry,
    maintenance,
    workorders,
    issues,
    imports,
    sync,
    operators,
    joblogs,
    reports,
    jobs,
    parts,
    shifts,
    production,
    analytics,
    predictions,
    imported,
    learning,
    optimizer,
)


def metadata() -> MetaData:
    """Return the metadata of every slice's tables."""
    return Table.metadata
