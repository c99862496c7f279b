"""Families of laws on R^n, each drawn as a differentiable function of its parameters and of noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

#: Arrays by the names that PyMC gives them.
Parameters = Mapping[str, Any]


class Family(Protocol):
    """A family of laws on R^size.

    Attributes
    ----------
    size : int
        Dimension.
    has_density : bool
        Whether `log_density` is defined; particles have none.
    """

    @property
    def size(self) -> int: ...

    @property
    def has_density(self) -> bool: ...

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter."""
        ...

    def start(self, mean: np.ndarray, std: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Parameters of a first member with mean and standard deviations of shape (size,)."""
        ...

    def sample(self, parameters: Parameters, key: Any, n: int) -> Any:
        """Draws, of shape (n, size)."""
        ...

    def points(self, parameters: Parameters, key: Any, n: int) -> Any:
        """The particles if there are any, else `n` draws; of shape (points, size)."""
        ...

    def log_density(self, parameters: Parameters, z: Any) -> Any:
        """Log density at points of shape (n, size), of shape (n,)."""
        ...

    def mean(self, parameters: Parameters) -> Any:
        """Mean, of shape (size,)."""
        ...

    def cov(self, parameters: Parameters) -> Any:
        """Covariance, of shape (size, size)."""
        ...

    def std(self, parameters: Parameters) -> Any:
        """Standard deviations, of shape (size,)."""
        ...


def rho_of(std: Any) -> np.ndarray:
    """The inverse of softplus, which maps rho to a standard deviation."""
    std = np.asarray(std, np.float64)
    return std + np.log(-np.expm1(-std))


@dataclass(frozen=True, slots=True)
class MeanField:
    """Independent normals with means ``mu`` and standard deviations ``softplus(rho)``.

    References
    ----------
    A. Kucukelbir et al., Automatic Differentiation Variational Inference, JMLR 18 (2017), section 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> family = MeanField(2)
    >>> parameters = family.start(np.zeros(2), np.array([0.5, 2.0]), np.random.default_rng(0))
    >>> family.std(parameters).round(6).tolist()
    [0.5, 2.0]
    """

    size: int
    has_density = True

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"mu": (self.size,), "rho": (self.size,)}

    def start(self, mean: np.ndarray, std: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"mu": mean, "rho": rho_of(std)}

    def sample(self, parameters: Parameters, key: Any, n: int) -> Any:
        noise = jax.random.normal(key, (n, self.size), parameters["mu"].dtype)
        return parameters["mu"] + self.std(parameters) * noise

    points = sample

    def log_density(self, parameters: Parameters, z: Any) -> Any:
        std = self.std(parameters)
        return _standard_normal((z - parameters["mu"]) / std) - jnp.log(std).sum()

    def mean(self, parameters: Parameters) -> Any:
        return jnp.asarray(parameters["mu"])

    def cov(self, parameters: Parameters) -> Any:
        return jnp.diag(self.std(parameters) ** 2)

    def std(self, parameters: Parameters) -> Any:
        return jax.nn.softplus(parameters["rho"])


@dataclass(frozen=True, slots=True)
class FullRank:
    """Normals with mean ``mu`` and any covariance, whose Cholesky factor has the rows ``L_tril`` and a diagonal through softplus.

    References
    ----------
    A. Kucukelbir et al., Automatic Differentiation Variational Inference, JMLR 18 (2017), section 2.4.
    """

    size: int
    has_density = True

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"mu": (self.size,), "L_tril": (self.size * (self.size + 1) // 2,)}

    def start(self, mean: np.ndarray, std: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"mu": mean, "L_tril": np.diag(rho_of(std))[np.tril_indices(self.size)]}

    def factor(self, parameters: Parameters) -> Any:
        """The Cholesky factor of the covariance."""
        rows = jnp.asarray(parameters["L_tril"])
        written = jnp.zeros((self.size, self.size), rows.dtype).at[np.tril_indices(self.size)].set(rows)
        diagonal = jnp.diagonal(written)
        return written + jnp.diag(jax.nn.softplus(diagonal) - diagonal)

    def sample(self, parameters: Parameters, key: Any, n: int) -> Any:
        noise = jax.random.normal(key, (n, self.size), parameters["mu"].dtype)
        return parameters["mu"] + noise @ self.factor(parameters).T

    points = sample

    def log_density(self, parameters: Parameters, z: Any) -> Any:
        factor = self.factor(parameters)
        noise = jax.scipy.linalg.solve_triangular(factor, (z - parameters["mu"]).T, lower=True).T
        return _standard_normal(noise) - jnp.log(jnp.diagonal(factor)).sum()

    def mean(self, parameters: Parameters) -> Any:
        return jnp.asarray(parameters["mu"])

    def cov(self, parameters: Parameters) -> Any:
        factor = self.factor(parameters)
        return factor @ factor.T

    def std(self, parameters: Parameters) -> Any:
        return jnp.linalg.norm(self.factor(parameters), axis=-1)


@dataclass(frozen=True, slots=True)
class Empirical:
    """The uniform law on particles, the rows of ``histogram``."""

    size: int
    n_particles: int
    has_density = False

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"histogram": (self.n_particles, self.size)}

    def start(self, mean: np.ndarray, std: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"histogram": mean + std * rng.standard_normal((self.n_particles, self.size))}

    def sample(self, parameters: Parameters, key: Any, n: int) -> Any:
        return parameters["histogram"][jax.random.randint(key, (n,), 0, self.n_particles)]

    def points(self, parameters: Parameters, key: Any, n: int) -> Any:
        return parameters["histogram"]

    def log_density(self, parameters: Parameters, z: Any) -> Any:
        raise NotImplementedError("particles have no density. Fit them with SVGD.")

    def mean(self, parameters: Parameters) -> Any:
        return jnp.mean(parameters["histogram"], 0)

    def cov(self, parameters: Parameters) -> Any:
        return jnp.atleast_2d(jnp.cov(parameters["histogram"], rowvar=False, bias=True))

    def std(self, parameters: Parameters) -> Any:
        return jnp.std(parameters["histogram"], 0)


@dataclass(frozen=True, slots=True)
class Product:
    """Independent blocks of coordinates, each with a family of its own.

    Attributes
    ----------
    blocks : tuple of (Family, tuple of int)
        A family and the coordinates that it is for; every coordinate is in one block. Its parameters are a tuple, one by block.
    """

    blocks: tuple[tuple[Any, tuple[int, ...]], ...]

    @property
    def size(self) -> int:
        return sum(family.size for family, _ in self.blocks)

    @property
    def has_density(self) -> bool:
        return all(family.has_density for family, _ in self.blocks)

    def _joined(self, parts: Any) -> Any:
        """Parts by block, of shape (..., block's size), in the order of coordinates."""
        order = np.argsort(np.concatenate([at for _, at in self.blocks]))
        return jnp.concatenate(list(parts), -1)[..., order]

    def sample(self, parameters: Any, key: Any, n: int) -> Any:
        """Draws, of shape (n, size)."""
        keys = jax.random.split(key, len(self.blocks))
        return self._joined(f.sample(p, k, n) for (f, _), p, k in zip(self.blocks, parameters, keys, strict=True))

    def points(self, parameters: Any, key: Any, n: int) -> Any:
        """The particles if all blocks have some, else `n` draws."""
        if any(family.has_density for family, _ in self.blocks):
            return self.sample(parameters, key, n)
        return self._joined(f.points(p, key, n) for (f, _), p in zip(self.blocks, parameters, strict=True))

    def log_density(self, parameters: Any, z: Any) -> Any:
        """Log density at points of shape (n, size)."""
        terms = [f.log_density(p, z[:, np.array(at)]) for (f, at), p in zip(self.blocks, parameters, strict=True)]
        return jnp.sum(jnp.stack(terms), 0)

    def mean(self, parameters: Any) -> Any:
        """Mean, of shape (size,)."""
        return self._joined(f.mean(p) for (f, _), p in zip(self.blocks, parameters, strict=True))

    def cov(self, parameters: Any) -> Any:
        """Covariance, of shape (size, size)."""
        order = np.argsort(np.concatenate([at for _, at in self.blocks]))
        found = jax.scipy.linalg.block_diag(*(f.cov(p) for (f, _), p in zip(self.blocks, parameters, strict=True)))
        return found[order][:, order]

    def std(self, parameters: Any) -> Any:
        """Standard deviations, of shape (size,)."""
        return self._joined(f.std(p) for (f, _), p in zip(self.blocks, parameters, strict=True))


def _standard_normal(noise: Any) -> Any:
    """Log density of rows of standard normal noise."""
    return -0.5 * jnp.sum(noise**2, -1) - 0.5 * noise.shape[-1] * np.log(2 * np.pi)
