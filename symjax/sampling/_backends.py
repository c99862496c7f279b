"""NUTS of other libraries on the same target: BlackJAX, NumPyro and nutpie."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling._record import Samples
from symjax.sampling._start import Jitter
from symjax.sampling._target import LogDensity

Draw = Callable[[Callable[[Any], Any], Any, Any, dict[str, Any]], tuple[Any, dict[str, Any]]]


def sample_with(
    library: str,
    target: LogDensity,
    initial: np.ndarray,
    *,
    draws: int = 1000,
    tune: int = 1000,
    random_seed: int | None = None,
    jitter: bool = True,
    target_accept: float = 0.8,
    max_treedepth: int = 10,
) -> Samples:
    """Sample a log density of continuous variables with another library's NUTS and its own warm-up, chains vectorised.

    Parameters
    ----------
    library : {"blackjax", "numpyro", "nutpie"}
        Which.
    target : LogDensity
        What to sample.
    initial : array, shape (chains, n)
        Where chains start.
    draws, tune, random_seed, jitter, target_accept, max_treedepth
        As for `symjax.sampling.sample`; starts are not retried.

    Returns
    -------
    Samples
        The draws, with the statistics that the library gives; compiling is part of ``sampling_seconds``.

    Raises
    ------
    ImportError
        If the library is not installed.
    ValueError
        If the library is unknown, or the target has discrete variables.

    Examples
    --------
    >>> import jax.numpy as jnp, numpy as np
    >>> from symjax.sampling import LogDensity, sample_with
    >>> target = LogDensity(lambda x, discrete, data: -0.5 * jnp.sum((x - data) ** 2), data=np.array([1.0, 2.0]), size=2)
    >>> sample_with("numpyro", target, np.zeros((4, 2)), random_seed=1).positions.mean((0, 1)).round(1)
    array([1., 2.])
    """
    backends: dict[str, Draw] = {"blackjax": _blackjax, "numpyro": _numpyro, "nutpie": _nutpie}
    if library not in backends:
        raise ValueError(f"`library` must be one of {', '.join(map(repr, backends))}, got {library!r}.")
    if target.discrete_size:
        names = ", ".join(repr(v.name) for v in target.discrete)
        raise ValueError(f"{library} samples continuous variables only, the target has discrete {names}. Use `sample`.")
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise ImportError(f"{library} is not installed: `pip install {library}` brings it.") from error
    seeds = np.random.SeedSequence(random_seed).spawn(len(initial))
    starts = np.stack([Jitter(x, s, noisy=jitter, retries=0).first() for x, s in zip(np.asarray(initial, float), seeds)])
    options = {"draws": draws, "tune": tune, "target_accept": target_accept, "max_treedepth": max_treedepth}
    begin = time.perf_counter()
    with jax.enable_x64(True):
        data = jax.device_put(target.data)
        discrete = jnp.zeros(0, jnp.int64)
        key = jax.random.wrap_key_data(jnp.asarray(seeds[0].generate_state(2, np.uint32)), impl="threefry2x32")
        positions, statistics = backends[library](lambda x: target.function(x, discrete, data), key, starts, options)
        result = Samples(
            positions=np.asarray(positions),
            discrete=np.zeros((*positions.shape[:2], 0), np.int64),
            statistics={name: np.asarray(values) for name, values in statistics.items()},
            thin=np.ones(len(starts), int),
        )
    result.sampling_seconds = time.perf_counter() - begin
    return result


def _numpyro(function: Callable[[Any], Any], key: Any, starts: np.ndarray, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    from numpyro.infer import MCMC, NUTS

    kernel = NUTS(
        potential_fn=lambda x: -function(x),
        target_accept_prob=options["target_accept"],
        max_tree_depth=options["max_treedepth"],
    )
    run = MCMC(
        kernel,
        num_warmup=options["tune"],
        num_samples=options["draws"],
        num_chains=len(starts),
        chain_method="vectorized",
        progress_bar=False,
    )
    fields = ("potential_energy", "num_steps", "accept_prob", "diverging", "energy")
    run.run(key, init_params=jnp.asarray(starts), extra_fields=fields)
    got = run.get_extra_fields(group_by_chain=True)
    statistics = {
        "lp": -got["potential_energy"],
        "n_steps": got["num_steps"],
        "acceptance_rate": got["accept_prob"],
        "diverging": got["diverging"],
        "energy": got["energy"],
    }
    return run.get_samples(group_by_chain=True), statistics


def _blackjax(function: Callable[[Any], Any], key: Any, starts: np.ndarray, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    import blackjax

    warmup: Any = blackjax.window_adaptation(
        blackjax.nuts, function, target_acceptance_rate=options["target_accept"], max_num_doublings=options["max_treedepth"]
    )

    def chain(key: Any, start: Any) -> Any:
        warmup_key, draw_key = jax.random.split(key)
        (state, parameters), _ = warmup.run(warmup_key, start, options["tune"])
        kernel: Any = blackjax.nuts(function, **parameters)

        def one(state: Any, key: Any) -> Any:
            state, info = kernel.step(key, state)
            statistics = {
                "lp": state.logdensity,
                "n_steps": info.num_integration_steps,
                "acceptance_rate": info.acceptance_rate,
                "diverging": info.is_divergent,
                "energy": info.energy,
            }
            return state, (state.position, statistics)

        return jax.lax.scan(one, state, jax.random.split(draw_key, options["draws"]))[1]

    return jax.jit(jax.vmap(chain))(jax.random.split(key, len(starts)), starts)


def _nutpie(function: Callable[[Any], Any], key: Any, starts: np.ndarray, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    import nutpie
    from nutpie.compiled_pyfunc import from_pyfunc

    n = starts.shape[1]
    value_and_grad = jax.jit(jax.value_and_grad(function))

    def make_log_density() -> Callable[..., tuple[float, np.ndarray]]:
        def log_density(x: np.ndarray) -> tuple[float, np.ndarray]:
            with jax.enable_x64(True):
                value, gradient = value_and_grad(x)
            return float(value), np.asarray(gradient, np.float64)

        return log_density

    seed = int(np.asarray(jax.random.key_data(key))[0])
    given = iter(starts)
    model = from_pyfunc(
        n,
        make_log_density,
        lambda *seeds: lambda x: {"position": np.asarray(x, np.float64)},
        [np.dtype(np.float64)],
        [(n,)],
        ["position"],
        make_initial_point_fn=lambda _: next(given, starts[0]),
    )
    tree: Any = nutpie.sample(
        model,
        draws=options["draws"],
        tune=options["tune"],
        chains=len(starts),
        cores=1,
        seed=seed,
        save_warmup=False,
        progress_bar=False,
        target_accept=options["target_accept"],
        maxdepth=options["max_treedepth"],
    )
    found = tree["sample_stats"]
    names = {"lp": "logp", "acceptance_rate": "mean_tree_accept"} | {n: n for n in ("n_steps", "diverging", "energy")}
    statistics = {own: found[theirs].values for own, theirs in names.items() if theirs in found}
    return tree["posterior"]["position"].values, statistics
