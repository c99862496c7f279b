"""The law of a simulator's output, whose density is a kernel of the distance between data and a simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._config import config
from symjax._errors import ParameterError
from symjax.core._leaves import as_tensor, present_shape
from symjax.core._node import Tensor
from symjax.core._op import Aval, Operator
from symjax.core._scope import detached
from symjax.core._traverse import make
from symjax.random._base_law import OWN_KEYWORDS
from symjax.random._constraint import Constraint, Parameter
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random._numeric import on_host
from symjax.random.distributions.custom import CustomOf, Recipe, cores_of


def gaussian(epsilon: Any, observed: Any, simulated: Any) -> Any:
    """Log of a Gaussian kernel of each difference."""
    return -0.5 * ((observed - simulated) / epsilon) ** 2


def laplace(epsilon: Any, observed: Any, simulated: Any) -> Any:
    """Log of a Laplace kernel of each difference."""
    return -T.abs((observed - simulated) / epsilon)


def kullback_leibler(epsilon: Any, observed: np.ndarray, simulated: np.ndarray) -> Any:
    """Estimate of a divergence of two samples, negative and over `epsilon`, from distances to the nearest neighbours."""
    from scipy.spatial import cKDTree

    if len(observed) < 2:
        raise ParameterError(f"distance='kullback_leibler' compares samples of at least 2 elements, got {len(observed)}.")
    observed, simulated = (x.reshape(len(x), -1) for x in (observed, simulated))
    n, d = observed.shape
    # of itself a point is the nearest neighbour
    own = cKDTree(observed).query(observed, 2)[0][:, 1]
    other = cKDTree(simulated).query(observed, 1)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return -d / n * np.sum(np.log(other / own) / epsilon) + math.log(n / (n - 1))


DISTANCES: dict[str, Callable[..., Any]] = {"gaussian": gaussian, "laplace": laplace, "kullback_leibler": kullback_leibler}
STATISTICS: dict[str, Callable[..., Any]] = {"identity": lambda x: x, "sort": T.sort, "mean": T.mean, "median": T.median}


def _applied(fn: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of tensors gives; one of NumPy arrays is called on the host."""
    try:
        with detached():
            found = fn(*arguments)
    except Exception:  # what NumPy code does with a tensor can be any error
        found = None
    if isinstance(found, Tensor):
        return found

    def on_arrays(*arrays: np.ndarray) -> np.ndarray:
        return np.asarray(fn(*arrays), np.float64)

    def shape_at(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        # found at values that are not all equal
        return on_arrays(*(np.linspace(0.1, 0.9, math.prod(s)).reshape(s) for s in shapes)).shape

    def run(*arrays: Any) -> Any:
        return on_host(on_arrays, shape_at([np.shape(x) for x in arrays]), config.float_dtype, *arrays)

    def infer(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
        return Aval(shape_at([present_shape(a.shape) for a in avals]), config.float_dtype, False)

    return make(Operator(getattr(fn, "__name__", "function"), run, infer), arguments)


@dataclass(frozen=True)
class Kernel:
    """How simulations are compared with data.

    Attributes
    ----------
    distance : callable
        ``distance(epsilon, observed, simulated)``: the log density, of statistics of both.
    statistic : callable
        ``statistic(sample)``.
    """

    distance: Callable[..., Any]
    statistic: Callable[..., Any]


class SimulatorOf(CustomOf):
    """The law of a simulator; made by `Simulator`.

    Parameters
    ----------
    recipe : Recipe
        The simulator, as ``random``.
    kernel : Kernel
        How simulations are compared with data.
    epsilon_ndim : int
        Number of axes of the scale of the distance.
    is_discrete : bool
        Whether simulations are whole numbers.
    """

    is_simulated = True

    def __init__(self, recipe: Recipe, kernel: Kernel, epsilon_ndim: int, is_discrete: bool):
        self.kernel = kernel
        axes = tuple(range(-epsilon_ndim, 0))
        self._epsilon = Parameter(
            Constraint("positive", lambda e: (e > 0).all(axes), lambda e: T.all(T.greater(e, 0), axes)), epsilon_ndim
        )
        super().__init__(recipe, is_discrete)
        self.is_normalized = False  # type: ignore[misc]

    @property
    def parameters(self) -> Any:  # type: ignore[override]
        return {**super().parameters, "epsilon": self._epsilon}

    def event_shape(self, *shapes: Any) -> Any:
        return super().event_shape(*shapes[: len(self.recipe.cores) - 1])

    def draw(self, key: Any, shape: Any, dtype: Any, *parameters: Any) -> Any:
        return super().draw(key, shape, dtype, *parameters[:-1])

    def log_density(self, value: Any, *parameters: Any) -> Any:
        # a new draw: each evaluation simulates anew
        simulated = self(*parameters, shape=value.shape, dtype=value.dtype)
        epsilon, statistic = parameters[-1], self.kernel.statistic
        return _applied(self.kernel.distance, epsilon, _applied(statistic, value), _applied(statistic, simulated))

    def support_point(self, *parameters: Any) -> Any:
        return super().support_point(*parameters[:-1])


class SimulatorDistribution(Distribution):
    r"""What a simulator gives, for inference by simulation with `sample_smc`.

    In the place of a density stands :math:`\log K_\epsilon(s(y), s(y^*))` for a new simulation :math:`y^*`, at each evaluation
    another one.

    Parameters
    ----------
    fn : callable
        ``fn(rng, *parameters, size)`` gives a simulation as a NumPy array, with `rng` a ``numpy.random.Generator``.
    *unnamed_params : tensor-like
        Parameters of `fn`.
    params : sequence of tensor-like, optional
        The same as one sequence.
    distance : {"gaussian", "laplace", "kullback_leibler"} or callable
        ``distance(epsilon, observed, simulated)`` of the statistics: of tensors, or of NumPy arrays.
        :math:`-\tfrac12 ((o - s)/\epsilon)^2`, :math:`-|o - s|/\epsilon`, or an estimate of the divergence of two samples.
    sum_stat : {"identity", "sort", "mean", "median"} or callable
        Statistic of a sample: of a tensor, or of a NumPy array.
    epsilon : tensor-like
        Scale of the distance, positive: a number, or one for each statistic; 1 by default.
    signature, ndim_supp, ndims_params, dtype, class_name
        As in `CustomDist`.

    Examples
    --------
    >>> import symjax.random as R
    >>> x = R.Simulator(lambda rng, mu, size: rng.normal(mu, 1.0, size), 3.0, shape=5, name="x")
    >>> R.draw(x, random_seed=1).shape
    (5,)

    References
    ----------
    Sisson, Fan, Beaumont, Handbook of Approximate Bayesian Computation, 2018, section 1.6; divergences: Pérez-Cruz,
    Kullback-Leibler divergence estimation of continuous distributions, IEEE Int. Symp. Information Theory, 2008, equation 14.
    """

    def parametrize(
        self,
        fn: Any,
        *unnamed_params: Any,
        params: Sequence[Any] | None = None,
        distance: Any = "gaussian",
        sum_stat: Any = "identity",
        epsilon: Any = 1.0,
        signature: str | None = None,
        ndim_supp: int | None = None,
        ndims_params: Sequence[int] | None = None,
        dtype: Any = "floatX",
        class_name: str = "Simulator",
    ) -> Any:
        if not callable(fn):
            raise ParameterError(f"'fn' must be a function (rng, *parameters, size), got {fn!r}.")
        if params is not None and unnamed_params:
            raise ParameterError("give the parameters one by one or as 'params', not both.")
        kernel = Kernel(_chosen("distance", distance, DISTANCES), _chosen("sum_stat", sum_stat, STATISTICS))
        if kernel.distance is kullback_leibler and kernel.statistic is not STATISTICS["identity"]:
            raise ParameterError(f"distance='kullback_leibler' compares samples: sum_stat must be 'identity', got {sum_stat!r}.")
        found = [as_tensor(p) for p in (unnamed_params if params is None else params)]
        cores = cores_of(class_name, len(found), signature, ndims_params, ndim_supp)
        return found, as_tensor(epsilon), Recipe(class_name, None, _simulation(fn), None, None, None, cores), kernel, dtype

    def __call__(self, *args: Any, **kwargs: Any) -> RandomVariable:
        own = {k: kwargs.pop(k) for k in OWN_KEYWORDS if k in kwargs and k != "dtype"}
        label = f"Simulator({own.get('name')!r})"
        try:
            with detached():
                parameters, epsilon, recipe, kernel, dtype = self.parametrize(*args, **kwargs)
        except TypeError as error:
            raise ParameterError(f"{label}: {error}.") from None
        except ParameterError as error:
            raise ParameterError(f"{label}: {error}") from None
        kind = config.float_dtype if dtype == "floatX" else np.dtype(dtype)
        return SimulatorOf(recipe, kernel, epsilon.ndim, kind.kind in "iub")(*parameters, epsilon, **own, dtype=kind)


def _chosen(keyword: str, value: Any, known: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    if callable(value):
        return value
    if value not in known:
        raise ParameterError(f"{keyword!r} must be a function or one of {sorted(known)}, got {value!r}.")
    return known[value]


def _simulation(fn: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """A simulator with the arguments that `CustomDist` gives."""

    def random(*parameters: np.ndarray, rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
        return np.asarray(fn(rng, *parameters, size))

    return random


Simulator = SimulatorDistribution()
