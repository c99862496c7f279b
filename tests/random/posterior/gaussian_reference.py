"""What integrating out a Gaussian block has to give: the exact integral of the joint as written, from its Hessian."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

import symjax
import symjax.tensor as T
from symjax.core._scope import detached
from symjax.core._traverse import substitute, toposort
from symjax.random._draw import RandomVariable
from symjax.random.posterior import compile_posterior, joint_of
from symjax.random.posterior.gaussian import propose


def compiled(values, latent, potentials=None, rules=(("gaussian_block", propose),)):
    """The joint of a model and its plan; factors' terms that became nan count as errors later."""
    joint, _ = joint_of(values, latent, potentials)
    return joint, compile_posterior(joint, rules)


def total(joint, inputs):
    """The log density as a JAX function of a tuple of the latents' values."""
    with detached():
        out = T.add_n([f.term.sum() if f.term.shape else f.term for f in joint.factors])
    return symjax.to_jax(out, list(inputs))


def check(joint, plan, others, tolerance=1e-9):
    """Compare integral, its gradient and the conditional law with those of the joint; `others` gives the rest by name."""
    block = [x for x in joint.latents if x not in plan.joint.latents]
    rest = list(plan.joint.latents)
    assert block, plan.declined
    values = tuple(np.asarray(others[x.name], float) for x in rest)
    sizes = [math.prod(x.shape) for x in block]
    before, after = total(joint, [*block, *rest]), total(plan.joint, rest)

    def density(flat, *given):
        parts = jnp.split(flat, np.cumsum(sizes)[:-1])
        return before(*[p.reshape(x.shape) for p, x in zip(parts, block, strict=True)], *given)

    def integral(*given):
        zero = jnp.zeros(sum(sizes))
        precision, gradient = -jax.hessian(density)(zero, *given), jax.grad(density)(zero, *given)
        mean = jnp.linalg.solve(precision, gradient)
        log_det = jnp.linalg.slogdet(precision)[1]
        value = density(zero, *given) + 0.5 * (gradient @ mean - log_det + len(zero) * math.log(2 * math.pi))
        return value, (mean, precision)

    every = tuple(range(len(rest)))
    with jax.enable_x64(True):
        if rest:
            (expected, law), wanted = jax.jit(jax.value_and_grad(integral, every, has_aux=True))(*values)
            got, found = jax.jit(jax.value_and_grad(after, every))(*values)
        else:
            (expected, law), wanted = jax.jit(integral)(), ()
            got, found = jax.jit(after)(), ()
    mean, precision = map(np.asarray, law)
    scale = 1 + abs(float(expected))
    assert abs(float(got) - float(expected)) < tolerance * scale, (float(got), float(expected))
    for x, a, b in zip(rest, found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6 * scale, err_msg=x.name)
    _check_draws(plan, block, rest, values, mean, np.linalg.inv(precision))


def _check_draws(plan, block, rest, values, mean, covariance):
    """A recovered draw is an affine function of standard Normal noise: compare its mean and covariance exactly."""
    recovered = plan.recovered()
    outputs = [recovered[x] for x in block]
    noise = [n for n in toposort(outputs) if isinstance(n, RandomVariable)]
    assert all(n.distribution.name == "Normal" for n in noise)
    for n in noise:
        assert [float(p.value) for p in n.parents] == [0.0, 1.0]
    with detached():
        leaves = [T.Placeholder(n.shape, "float64", name=f"noise{i}") for i, n in enumerate(noise)]
        outputs = substitute(outputs, dict(zip(noise, leaves, strict=True)))
        flat = T.concatenate([o.ravel() for o in outputs])
    run = symjax.to_jax(flat, [*leaves, *rest])
    with jax.enable_x64(True):
        zeros = tuple(np.zeros(n.shape) for n in noise)
        center, maps = jax.jit(lambda *x: (run(*x), jax.jacfwd(run, tuple(range(len(noise))))(*x)))(*zeros, *values)
    scale = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((np.asarray(center) - mean) / scale, 0, atol=1e-6)
    factor = np.concatenate([np.asarray(m).reshape(len(mean), -1) for m in maps], 1)
    np.testing.assert_allclose(factor @ factor.T / np.outer(scale, scale), covariance / np.outer(scale, scale), atol=1e-6)
