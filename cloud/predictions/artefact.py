"""Owns how a trained pipeline is kept: skops, with a fixed list of what may be in it, a digest, and its versions.

Never pickle: a file that somebody else wrote must not be able to run anything. What is not on the list is refused
before anything is built, and so is a file whose digest is another than the one kept beside it, and one that is small
as long as nobody unpacks it.
"""

import hashlib
import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import sklearn  # type: ignore[import-untyped]
import skops  # type: ignore[import-untyped]
from sklearn.pipeline import Pipeline  # type: ignore[import-untyped]
from skops import io

from cloud.errors import Invalid
from cloud.predictions import messages
from cloud.predictions.models import Both

# beyond what skops itself takes for harmless: the parts of our own algorithms
ALLOWED = frozenset(
    {
        "cloud.predictions.models.Both",
        "cloud.predictions.models.Clip",
        "numpy.dtype",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
    }
)
# a forest of a year is a few megabytes
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Artefact:
    """A pipeline as bytes.

    Attributes:
        content: skops' format.
        sha256: Of the content, hexadecimal.
        versions: Of what wrote it: scikit-learn, skops.
    """

    content: bytes
    sha256: str
    versions: dict[str, str]


def kept(pipeline: Any) -> Artefact:
    """Return a trained pipeline as bytes.

    Raises:
        Invalid: It is too large to be taken again.
    """
    content = io.dumps(pipeline)
    if len(content) > MAX_BYTES:
        raise Invalid(messages.MODEL_TOO_LARGE, size_mb=len(content) // 2**20, most_mb=MAX_BYTES // 2**20)
    return Artefact(content, hashlib.sha256(content).hexdigest(), versions())


def versions() -> dict[str, str]:
    """Return the versions a pipeline depends on."""
    return {"scikit-learn": str(sklearn.__version__), "skops": str(skops.__version__)}


def taken(artefact: Artefact) -> Any:
    """Return the pipeline of an artefact.

    Raises:
        Invalid: It is not what was kept, too large, of another scikit-learn, or holds what no pipeline of ours does, or
            no pipeline at all.
    """
    if len(artefact.content) > MAX_BYTES:
        raise _refused(f"it has {len(artefact.content):,} bytes, at most {MAX_BYTES:,} are taken")
    found = hashlib.sha256(artefact.content).hexdigest()
    if found != artefact.sha256:
        raise _refused(f"its digest is {found[:12]}.., kept was {artefact.sha256[:12]}..; restore it, or train again")
    if artefact.versions != versions():
        raise _refused(f"it was made with {artefact.versions}, here is {versions()}; train again")
    try:
        # nothing is unpacked for that, and no more than that is unpacked later
        unpacked = sum(each.file_size for each in zipfile.ZipFile(BytesIO(artefact.content)).infolist())
    # a hostile file can make any part of a reader of archives fail
    except Exception as error:
        raise _refused(f"it cannot be read ({type(error).__name__})") from error
    if unpacked > MAX_BYTES:
        raise _refused(f"it has {unpacked:,} bytes unpacked, at most {MAX_BYTES:,} are taken")
    try:
        strange = set(io.get_untrusted_types(data=artefact.content)) - ALLOWED
    except Exception as error:
        raise _refused(f"it cannot be read ({type(error).__name__})") from error
    if strange:
        raise _refused(f"it holds {', '.join(sorted(strange))}")
    try:
        found = io.loads(artefact.content, trusted=sorted(ALLOWED))
    except Exception as error:
        raise _refused(f"it cannot be built ({type(error).__name__})") from error
    if not isinstance(found, Pipeline | Both):
        raise _refused(f"it is a {type(found).__name__} and no pipeline")
    return found


def _refused(reason: str) -> Invalid:
    return Invalid(messages.ARTEFACT_REFUSED, reason=reason)
