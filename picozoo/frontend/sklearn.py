"""scikit-learn in: a fitted estimator or pipeline becomes functions for one sample, `predict` and what else it has.

This file finds the reader of an estimator's class in the files `_sklearn_*.py`, one a family, and owns no operator. The
functions have scikit-learn's names (`predict`, `predict_proba`, `decision_function`, `transform`, `score_samples`) and
take one sample: float32 [1, features]. `predict` gives an int32 for classes (the label where labels are integers, else
the index into `classes_`, whose names are in the program's `meta`) and float32 numbers for regressors.

scikit-learn computes in float64, this in float32: numbers agree to about five digits, and trees take exactly the same
branches (see `_sklearn_trees.py`). NaN is what HistGradientBoosting and SimpleImputer make of it; other trees go right.

Files: `.skops`, which hold data only. Pickled files (`.pkl`, `.pickle`, `.joblib`) run code when they are opened.
"""

from __future__ import annotations

import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from picozoo.errors import BadFile, MissingTool, PicozooError, Unsupported, UsageError
from picozoo.find import unknown
from picozoo.frontend import (
    _sklearn_bayes,
    _sklearn_chosen,
    _sklearn_functions,
    _sklearn_linear,
    _sklearn_meta,
    _sklearn_neighbours,
    _sklearn_neural,
    _sklearn_prepare,
    _sklearn_svm,
    _sklearn_trees,
)
from picozoo.frontend._sklearn_build import Build, Methods, Reader
from picozoo.frontend._sklearn_file import MOST_BYTES, cleaned
from picozoo.ir.program import Function, Program
from picozoo.ir.verify import verify
from picozoo.specs import TensorType

EXECUTES = (".pkl", ".pickle", ".joblib")
SUFFIXES = (".skops", *EXECUTES)
INSTEAD = "Write the model with skops.io.dump(model, 'model.skops') where it was trained, and give that file"
METHODS = ("predict", "predict_proba", "decision_function", "score_samples", "transform")
# Types that skops does not trust by itself, and that are data without code in files of scikit-learn's own estimators.
TRUSTED = re.compile(
    r"numpy\.dtype|sklearn\.(neural_network\._stochastic_optimizers\.(Adam|SGD)Optimizer"
    r"|ensemble\._hist_gradient_boosting\.(predictor\.TreePredictor|binning\._BinMapper)"
    r"|_loss\.(link|loss)\.\w+|ensemble\._gb_losses\.\w+|calibration\._(CalibratedClassifier|SigmoidCalibration)"
    r"|compose\._column_transformer\._RemainderColsList|utils\._bunch\.Bunch"
    r"|linear_model\._stochastic_gradient\.\w+)"
)


@cache
def readers() -> dict[str, Reader]:
    """Class of an estimator -> what makes its methods."""
    found: dict[str, Reader] = {}
    for family in (
        _sklearn_bayes,
        _sklearn_chosen,
        _sklearn_functions,
        _sklearn_linear,
        _sklearn_meta,
        _sklearn_neighbours,
        _sklearn_neural,
        _sklearn_prepare,
        _sklearn_svm,
        _sklearn_trees,
    ):
        found |= family.READERS
    return found


def methods_of(est: Any) -> Methods:
    """What can be compiled of a fitted estimator.

    Raises:
        Unsupported: no reader for its class, or a form of it that cannot be compiled.
    """
    kind = type(est)
    if kind.__name__ not in readers() or not kind.__module__.startswith("sklearn."):
        raise Unsupported(
            f"{unknown('estimator', kind.__name__, list(readers()))} docs/operators.md lists all that can be compiled"
        )
    try:
        if len(getattr(est, "classes_", (0, 1))) < 2:
            raise Unsupported(f"{kind.__name__} was fitted with one class only")
        return readers()[kind.__name__](est)
    except PicozooError:
        raise
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as e:
        fitted = any(k.endswith("_") and not k.startswith("_") for k in map(str, vars(est)))
        if not fitted:
            raise UsageError(f"{kind.__name__} is not fitted; call fit(X, y) first") from None
        raise Unsupported(f"{kind.__name__}: not in a form that this version knows ({type(e).__name__}: {e})") from e


def convert(estimator: Any, *, name: str = "") -> Program:
    """A fitted estimator as a program.

    Args:
        name: of the program; by default the class name in lower case.

    Raises:
        UsageError: it is not fitted.
        Unsupported: a class or a form that cannot be compiled.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> p = convert(Ridge().fit([[0.0, 1.0], [2.0, 3.0]], [0.0, 1.0]))
        >>> [f.name for f in p.public()], p.main.types["%x"].shape
        (['predict'], (1, 2))
    """
    methods = methods_of(estimator)
    n = getattr(estimator, "n_features_in_", None)
    if not isinstance(n, int) or n < 1:
        raise UsageError(f"{type(estimator).__name__} is not fitted with an array of features; call fit(X, y) first")
    program = Program(name or type(estimator).__name__.lower())
    for method in METHODS:
        if method not in methods:
            continue
        f = Function(method, ("%x",), (), [], {"%x": TensorType((1, n))})
        program.functions[method] = f
        b = Build(program, f)
        try:
            f.results = (methods[method](b, "%x"),)
        except PicozooError:
            raise
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as e:
            raise Unsupported(
                f"{type(estimator).__name__}.{method}: not in a form that this version knows ({type(e).__name__}: {e})"
            ) from e
    if not program.functions:
        raise Unsupported(f"{type(estimator).__name__} has none of {', '.join(METHODS)} that can be compiled")
    program.meta["source"] = f"scikit-learn {type(estimator).__name__}"
    return verify(program, "reading")


def read(path: Path) -> Program:
    """Read a `.skops` file, or a pickled one that the caller trusts.

    Raises:
        BadFile: missing, damaged, not what it claims to be, or holding types that are not data.
        MissingTool: scikit-learn or skops is not installed.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise BadFile(f"{path}: {size} bytes is larger than the limit of {MOST_BYTES}")
        with path.open("rb"):
            pass
    except OSError as e:
        raise BadFile(f"{path}: cannot be read ({e.strerror}). Check the path") from e
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a version that differs a little; what cannot be read is told below
        estimator = _unpickle(path) if path.suffix.lower() in EXECUTES else _skops(path)
        try:
            return convert(estimator, name=re.sub(r"\W", "_", path.stem))
        except PicozooError as e:
            raise type(e)(f"{path}: {e}") from None


def _skops(path: Path) -> Any:
    try:
        from skops import io
    except ImportError:
        raise MissingTool(
            f"{path}: reading it needs scikit-learn and skops. Install them with: pip install 'picozoo[sklearn]'"
        ) from None
    try:
        data = cleaned(path)
        types = io.get_untrusted_types(data=data)
        foreign = [t for t in types if not TRUSTED.fullmatch(t)]
        if foreign:
            raise Unsupported(
                f"it holds {', '.join(sorted(foreign)[:8])}, which are not scikit-learn's own data and are not loaded. "
                f"Save a model made of scikit-learn's estimators only"
            )
        return io.loads(data, trusted=types)
    except Unsupported as e:
        raise Unsupported(f"{path}: {e}") from None
    except BadFile as e:
        raise BadFile(f"{path}: {e}. Get the file again") from None
    except Exception as e:  # a damaged file can make skops, zipfile and NumPy raise anything
        raise BadFile(f"{path}: truncated or damaged ({type(e).__name__}: {e}). Get the file again") from e


def _unpickle(path: Path) -> Any:
    try:
        import joblib
        import sklearn  # noqa: F401
    except ImportError:
        raise MissingTool(
            f"{path}: reading it needs scikit-learn. Install it with: pip install 'picozoo[sklearn]'"
        ) from None
    try:
        found = joblib.load(path)
    except Exception as e:  # whatever the code in it raises
        raise BadFile(f"{path}: cannot be opened ({type(e).__name__}: {e})") from e
    return found
