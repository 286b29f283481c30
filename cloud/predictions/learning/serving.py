"""Owns the models that speak: read from the database once a process, and refused if they are not what was kept."""

import asyncio
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.errors import CloudError
from cloud.predictions.features import Matrix
from cloud.predictions.history import Floats
from cloud.predictions.learning.schemas import ModelKind
from cloud.predictions.remembered import Remembered
from shared import logs

# each a few megabytes
MOST_MODELS = 32
# with more than that, who keeps training would slow the watch
_MOST_CANDIDATES = 3
_OF_ITS_KIND = f"""
    FROM ml_model WHERE organization_id = :organization_id AND horizon_h = :horizon_h AND NOT is_control
                        AND kind = '{ModelKind.DOWNTIME_PREDICTOR.value}'
"""
CHAMPION = f"SELECT id {_OF_ITS_KIND} AND state = 'champion'"
"""Of the organization and horizon the model that serves; an SQL query."""
_CHAMPION = text(CHAMPION)
_CANDIDATES = text(
    f"SELECT id {_OF_ITS_KIND} AND state = 'candidate' AND file_deleted_at IS NULL ORDER BY trained_at DESC LIMIT :most"
)
_FILE = text("""
    SELECT algorithm, number, learned_until, features, usual, calibration, artefact, sha256, versions
    FROM ml_model WHERE id = :id
""")

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A model that can be asked.

    Attributes:
        name: Its algorithm and number.
        learned_until: It knows what came until then.
        names: The features it takes, in their order.
        usual: The middle of each.
        say: Gives the probability of each row of features.
        lasts: Gives how many minutes machines stand if they stop; None where it says nothing of that.
    """

    id: uuid.UUID
    name: str
    learned_until: datetime
    names: tuple[str, ...]
    usual: Floats
    say: Callable[[NDArray[np.float32]], Floats]
    lasts: Callable[[NDArray[np.float32]], Floats] | None = None

    def predict(self, _: object, matrix: Matrix) -> Floats:
        """Return its probability of each look, whose features are `fitted`."""
        return self.say(matrix.values)

    def fitted(self, matrix: Matrix) -> Matrix:
        """Return features in the model's order; one that is not known any more is missing, a new one is left out."""
        places = {name: place for place, name in enumerate(matrix.names)}
        missing = np.full(len(matrix.values), np.nan, np.float32)
        columns = [matrix.values[:, places[name]] if name in places else missing for name in self.names]
        groups = {name: matrix.groups.get(name, "missing") for name in self.names}
        return Matrix(np.column_stack(columns), self.names, groups)


@dataclass(frozen=True, slots=True)
class Refused:
    """A model whose file cannot be taken."""

    id: uuid.UUID
    reason: str


class Speakers:
    """The models that a process has read."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Begin with none; figures go to the registry, if there is one."""
        told = "Models asked for: read, or known already."
        read = Counter("tezgah_predictions_models_total", told, ["what", "kind"], registry=registry)
        self._refusals = Counter(
            "tezgah_predictions_models_refused_total", "Stored models that were refused.", registry=registry
        )
        self._known: Remembered[Speaker | Refused] = Remembered(read, "model", MOST_MODELS)

    async def champion(
        self, session: AsyncSession, organization_id: uuid.UUID, horizon_h: int
    ) -> Speaker | Refused | None:
        """Return the model that serves; None where none is promoted."""
        asked = {"organization_id": organization_id, "horizon_h": horizon_h}
        found = (await session.execute(_CHAMPION, asked)).scalar_one_or_none()
        return None if found is None else await self.taken(session, found)

    async def candidates(self, session: AsyncSession, organization_id: uuid.UUID, horizon_h: int) -> list[Speaker]:
        """Return the models that might serve, newest first."""
        asked = {"organization_id": organization_id, "horizon_h": horizon_h, "most": _MOST_CANDIDATES}
        found = (await session.execute(_CANDIDATES, asked)).scalars().all()
        taken = [await self.taken(session, each) for each in found]
        return [each for each in taken if isinstance(each, Speaker)]

    async def taken(self, session: AsyncSession, model_id: uuid.UUID) -> Speaker | Refused:
        """Return a model by its id."""
        known = self._known.get(model_id)
        if known is None:
            row = (await session.execute(_FILE, {"id": model_id})).one()
            known = await asyncio.to_thread(_read, model_id, row)
            self._known.put(model_id, known)
            if isinstance(known, Refused):
                self._refusals.inc()
                log.error("model_refused", model=str(model_id), reason=known.reason)
        return known


def _read(model_id: uuid.UUID, row: Any) -> Speaker | Refused:
    try:
        # only where there are models: a service without the extra `ml` has none
        from cloud.predictions.artefact import Artefact, taken  # noqa: PLC0415
        from cloud.predictions.calibration import Calibration  # noqa: PLC0415
        from cloud.predictions.models import minutes_if, probability  # noqa: PLC0415

        pipeline = taken(Artefact(bytes(row.artefact or b""), row.sha256, row.versions))
    except (CloudError, ImportError) as error:
        return Refused(model_id, str(error))
    names = tuple(row.features)
    usual = np.array([np.nan if each is None else each for each in row.usual], np.float64)
    calibration = Calibration(**row.calibration)

    def say(values: NDArray[np.float32]) -> Floats:
        return calibration.apply(probability(pipeline, values))

    def lasts(values: NDArray[np.float32]) -> Floats:
        return np.asarray(minutes_if(pipeline, values))

    nothing = np.full((1, len(names)), np.nan, np.float32)
    try:
        # of a machine of which nothing is known, too, it has a word; else who asked would get the defect
        word, minutes = say(nothing), minutes_if(pipeline, nothing)
    except Exception as error:  # noqa: BLE001 - a strange file may make any part of it fail
        return Refused(model_id, f"it does not answer ({type(error).__name__})")
    if word.shape != (1,) or not 0 <= float(word[0]) <= 1:
        return Refused(model_id, f"it answers {word} where one probability is asked for")
    if minutes is not None and (minutes.shape != (1,) or not 0 <= float(minutes[0]) < math.inf):
        return Refused(model_id, f"it answers {minutes} where minutes are asked for")
    name = f"{row.algorithm} {row.number}"
    return Speaker(model_id, name, row.learned_until, names, usual, say, None if minutes is None else lasts)
