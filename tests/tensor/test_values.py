"""Values of the tensor API against NumPy and SciPy, by table."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.special as sp

import symjax
import symjax.tensor as T

RNG = np.random.default_rng(1)
X = RNG.uniform(0.1, 0.9, (3, 4))
Y = RNG.uniform(1.1, 2.9, (3, 4))
Z = RNG.normal(size=(3, 4))
V = RNG.normal(size=4)
A = RNG.normal(size=(4, 4)) + 4 * np.eye(4)
S = A @ A.T
I = np.array([[1, 5, 2], [7, 0, 3]])
B = np.array([True, False, True])

UNARY = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p,
    "sqrt": np.sqrt, "cbrt": np.cbrt, "square": np.square, "sqr": np.square, "reciprocal": np.reciprocal, "sign": np.sign,
    "sgn": np.sign, "abs": np.abs, "neg": np.negative, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.round,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan, "sinh": np.sinh,
    "cosh": np.cosh, "tanh": np.tanh, "arcsinh": np.arcsinh, "arctanh": np.arctanh, "deg2rad": np.deg2rad, "sinc": np.sinc,
    "rsqrt": lambda x: 1 / np.sqrt(x), "isnan": np.isnan, "isfinite": np.isfinite,
    "gammaln": sp.gammaln, "psi": sp.digamma, "erf": sp.erf, "erfc": sp.erfc, "erfinv": sp.erfinv, "erfcinv": sp.erfcinv,
    "erfcx": sp.erfcx, "gamma": sp.gamma, "ndtr": sp.ndtr, "log_ndtr": sp.log_ndtr, "ndtri": sp.ndtri, "probit": sp.ndtri,
    "invprobit": sp.ndtr, "logit": sp.logit, "sigmoid": sp.expit, "invlogit": sp.expit, "expit": sp.expit, "entr": sp.entr,
    "log1pexp": lambda x: np.logaddexp(0, x), "softplus": lambda x: np.logaddexp(0, x), "log_sigmoid": sp.log_expit,
    "log1mexp": lambda x: np.log1p(-np.exp(x)), "i0": sp.i0, "i0e": sp.i0e, "i1": sp.i1, "i1e": sp.i1e,
}  # fmt: skip
#: Where the argument is not in (0, 1).
ARGUMENTS = {"arccosh": Y, "log1mexp": -X}


@pytest.mark.parametrize("name", ["iv", "ive", "kv", "kve"])
def test_bessel_functions_of_real_order(name):
    order = np.array([0, 0.3, 0.5, 1, 2.7, 20, 100])[:, None]
    x = np.array([1e-12, 1e-6, 1e-3, 0.1, 1, 5, 30, 300, 1e4])
    expected = getattr(sp, name)(order, x)
    within = np.isfinite(expected) & (np.abs(expected) > 1e-300)
    np.testing.assert_allclose(getattr(T, name)(order, x).eval()[within], expected[within], rtol=1e-11)


def test_bessel_functions_outside_their_domain():
    np.testing.assert_allclose(T.ive(-2, 1.5).eval(), sp.ive(-2, 1.5), rtol=1e-12)
    np.testing.assert_array_equal(T.iv([0.0, 1.0], 0.0).eval(), [1.0, 0.0])
    assert T.kv(1.0, 0.0).eval() == np.inf
    assert np.isnan([T.iv(-0.5, 1.0).eval(), T.iv(1.0, -1.0).eval(), T.kv(0.0, -1.0).eval(), T.kv(0.0, 1e-300).eval()]).all()


@pytest.mark.parametrize("name", ["ive", "kve"])
def test_bessel_functions_have_derivatives_by_order_and_argument(name):
    f = getattr(sp, name)
    for order, x in ((0.7, 0.3), (3.2, 12.0)):
        a, b = T.Placeholder((), "float64", name="a"), T.Placeholder((), "float64", name="b")
        found = [float(d.eval({a: order, b: x})) for d in symjax.gradients(getattr(T, name)(a, b), [a, b])]
        h = 1e-5
        by_order, by_x = f(order + h, x) - f(order - h, x), f(order, x + h) - f(order, x - h)
        np.testing.assert_allclose(found, [by_order / (2 * h), by_x / (2 * h)], rtol=1e-6)


@pytest.mark.parametrize("name", sorted(UNARY))
def test_unary(name):
    x = ARGUMENTS.get(name, X)
    np.testing.assert_allclose(getattr(T, name)(x).eval(), UNARY[name](x), rtol=2e-12)


@pytest.mark.parametrize("name", ["expit", "invprobit", "log_ndtr", "ndtri", "rsqrt", "exp", "gammaln", "log_sigmoid"])
def test_functions_of_reals_take_whole_numbers(name):
    with np.errstate(divide="ignore"):
        expected = UNARY[name](np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(getattr(T, name)(np.array([1, 2, 3])).eval(), expected, rtol=2e-12)


BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "true_div": np.divide, "floor_divide": np.floor_divide, "mod": np.mod,
    "power": np.power, "maximum": np.maximum, "minimum": np.minimum, "logaddexp": np.logaddexp, "arctan2": np.arctan2,
    "hypot": np.hypot, "eq": np.equal, "neq": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "and_": np.logical_and, "or_": np.logical_or, "xor": np.logical_xor, "betaln": sp.betaln,
    "gammainc": sp.gammainc, "gammaincc": sp.gammaincc, "xlogy": sp.xlogy, "xlog1py": sp.xlog1py,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BINARY))
def test_binary(name):
    np.testing.assert_allclose(getattr(T, name)(Y, X[0]).eval(), BINARY[name](Y, X[0]), rtol=1e-11)


OTHERS = {
    "betainc": (lambda: T.betainc(X, Y, X), lambda: sp.betainc(X, Y, X)),
    "polygamma": (lambda: T.polygamma(1, Y), lambda: sp.polygamma(1, Y)),
    "zeta": (lambda: T.zeta(Y, X), lambda: sp.zeta(Y, X)),
    "logdiffexp": (lambda: T.logdiffexp(Y, X), lambda: np.log(np.exp(Y) - np.exp(X))),
    "where": (lambda: T.where(Z > 0, X, Y), lambda: np.where(Z > 0, X, Y)),
    "switch": (lambda: T.switch(T.lt(Z, 0), X, 0.0), lambda: np.where(Z < 0, X, 0.0)),
    "clip": (lambda: T.clip(Z, -0.5, 0.5), lambda: np.clip(Z, -0.5, 0.5)),
    "clip one side": (lambda: T.constant(Z).clip(max=0.5), lambda: np.minimum(Z, 0.5)),
    "round decimals": (lambda: T.round(Z, 2), lambda: np.round(Z, 2)),
    "bitwise": (lambda: (T.constant(I) & 3) | (T.constant(I) ^ 1), lambda: (I & 3) | (I ^ 1)),
    "shift": (lambda: (T.constant(I) << 2) >> 1, lambda: (I << 2) >> 1),
    "invert": (lambda: ~T.constant(I), lambda: ~I),
    "nan_to_num": (lambda: T.nan_to_num([np.nan, np.inf, 1.0]), lambda: np.nan_to_num([np.nan, np.inf, 1.0])),
    "isclose": (lambda: T.isclose(X, X + 1e-9), lambda: np.isclose(X, X + 1e-9)),
    "sum": (lambda: T.sum(Z, axis=0), lambda: Z.sum(0)),
    "prod": (lambda: T.prod(Z), lambda: Z.prod()),
    "mean": (lambda: T.constant(Z).mean(axis=-1, keepdims=True), lambda: Z.mean(-1, keepdims=True)),
    "var": (lambda: T.var(Z, axis=1, ddof=1), lambda: Z.var(1, ddof=1)),
    "std": (lambda: T.constant(Z).std(), lambda: Z.std()),
    "max": (lambda: T.constant(Z).max(axis=(0, 1)), lambda: Z.max()),
    "min": (lambda: T.min(Z, 0), lambda: Z.min(0)),
    "argmax": (lambda: T.argmax(Z, 0), lambda: Z.argmax(0)),
    "argmin": (lambda: T.constant(Z).argmin(), lambda: Z.argmin()),
    "any": (lambda: T.any(Z > 0, axis=0), lambda: (Z > 0).any(0)),
    "all": (lambda: T.all(Z > 0, axis=1), lambda: (Z > 0).all(1)),
    "logsumexp": (lambda: T.logsumexp(1e3 * Z, axis=1), lambda: sp.logsumexp(1e3 * Z, axis=1)),
    "softmax": (lambda: T.softmax(Z, axis=0), lambda: sp.softmax(Z, axis=0)),
    "log_softmax": (lambda: T.log_softmax(Z), lambda: sp.log_softmax(Z, axis=-1)),
    "cumsum": (lambda: T.constant(Z).cumsum(), lambda: Z.cumsum()),
    "cumsum axis": (lambda: T.cumsum(Z, axis=-1), lambda: Z.cumsum(-1)),
    "cumprod": (lambda: T.cumprod(Z, 0), lambda: Z.cumprod(0)),
    "sort": (lambda: T.sort(Z, 0), lambda: np.sort(Z, 0)),
    "argsort": (lambda: T.argsort(Z), lambda: np.argsort(Z)),
    "median": (lambda: T.median(Z, axis=0), lambda: np.median(Z, axis=0)),
    "quantile": (lambda: T.quantile(Z, np.array([0.1, 0.9]), axis=1), lambda: np.quantile(Z, [0.1, 0.9], axis=1)),
    "percentile": (lambda: T.percentile(Z, 30.0), lambda: np.percentile(Z, 30)),
    "norm": (lambda: T.constant(Z).norm(), lambda: np.linalg.norm(Z)),
    "norm axis": (lambda: T.linalg.norm(Z, ord=1, axis=0), lambda: np.linalg.norm(Z, ord=1, axis=0)),
    "norm of a matrix": (lambda: T.linalg.norm(Z, ord=2), lambda: np.linalg.norm(Z, ord=2)),
    "reshape": (lambda: T.reshape(Z, (2, -1)), lambda: Z.reshape(2, -1)),
    "transpose": (lambda: T.constant(Z).T, lambda: Z.T),
    "dimshuffle": (lambda: T.constant(Z).dimshuffle(1, "x", 0), lambda: Z.T[:, None]),
    "dimshuffle drops": (lambda: T.constant(Z[:1]).dimshuffle(1), lambda: Z[0]),
    "swapaxes": (lambda: T.swapaxes(np.ones((2, 3, 4)), 0, -1), lambda: np.ones((4, 3, 2))),
    "moveaxis": (lambda: T.moveaxis(Z[None], 0, -1), lambda: Z[..., None]),
    "squeeze": (lambda: T.squeeze(Z[None, :, :, None], axis=0), lambda: Z[..., None]),
    "expand_dims": (lambda: T.expand_dims(Z, (0, -1)), lambda: Z[None, ..., None]),
    "broadcast_to": (lambda: T.broadcast_to(V, (3, 4)), lambda: np.broadcast_to(V, (3, 4))),
    "tile": (lambda: T.tile(Z, (2, 1)), lambda: np.tile(Z, (2, 1))),
    "repeat": (lambda: T.constant(Z).repeat(3, axis=1), lambda: Z.repeat(3, 1)),
    "stack": (lambda: T.stack([X, Y], axis=-1), lambda: np.stack([X, Y], -1)),
    "concatenate": (lambda: T.concatenate([X, Y], axis=1), lambda: np.concatenate([X, Y], 1)),
    "join": (lambda: T.join(0, X, Y), lambda: np.concatenate([X, Y])),
    "hstack": (lambda: T.hstack([X, Y]), lambda: np.hstack([X, Y])),
    "vstack": (lambda: T.vstack([V, V]), lambda: np.vstack([V, V])),
    "column_stack": (lambda: T.column_stack([V, V]), lambda: np.column_stack([V, V])),
    "split": (lambda: T.split(Z, 2, axis=1)[1], lambda: np.split(Z, 2, 1)[1]),
    "flip": (lambda: T.flip(Z, 1), lambda: np.flip(Z, 1)),
    "roll": (lambda: T.roll(Z, 2, 1), lambda: np.roll(Z, 2, 1)),
    "pad": (lambda: T.pad(V, (1, 2)), lambda: np.pad(V, (1, 2))),
    "tril": (lambda: T.tril(A, -1), lambda: np.tril(A, -1)),
    "triu": (lambda: T.triu(A), lambda: np.triu(A)),
    "diag": (lambda: T.diag(V), lambda: np.diag(V)),
    "diagonal": (lambda: T.constant(A).diagonal(), lambda: A.diagonal()),
    "eye": (lambda: T.eye(3, 4, k=1), lambda: np.eye(3, 4, 1)),
    "full": (lambda: T.full((2, 2), 3.5), lambda: np.full((2, 2), 3.5)),
    "alloc": (lambda: T.alloc(1.5, 2, 3), lambda: np.full((2, 3), 1.5)),
    "arange": (lambda: T.arange(2, 9, 3), lambda: np.arange(2, 9, 3)),
    "linspace": (lambda: T.linspace(0, 1, 5), lambda: np.linspace(0, 1, 5)),
    "zeros_like": (lambda: T.zeros_like(I), lambda: np.zeros_like(I)),
    "one_hot": (lambda: T.one_hot(I, 8), lambda: np.eye(8)[I]),
    "shape_padleft": (lambda: T.shape_padleft(V, 2), lambda: V[None, None]),
    "meshgrid": (lambda: T.meshgrid(V, X[0])[1], lambda: np.meshgrid(V, X[0])[1]),
    "diff": (lambda: T.diff(Z, axis=0), lambda: np.diff(Z, axis=0)),
    "searchsorted": (lambda: T.searchsorted(np.sort(V), Z), lambda: np.searchsorted(np.sort(V), Z)),
    "tril_indices": (lambda: T.constant(A)[T.tril_indices(4)], lambda: A[np.tril_indices(4)]),
    "fill_diagonal": (lambda: T.fill_diagonal(A, 7.0), lambda: A - np.diag(A.diagonal()) + 7 * np.eye(4)),
    "average": (lambda: T.average(V, weights=T.constant(X[0])), lambda: np.average(V, weights=X[0])),
    "dstack": (lambda: T.dstack([T.constant(X), Y]), lambda: np.dstack([X, Y])),
    "convolve": (lambda: T.convolve(V, X[0], mode="same"), lambda: np.convolve(V, X[0], mode="same")),
    "polyval": (lambda: T.polyval(V, X), lambda: np.polyval(V, X)),
    "histogram": (lambda: T.histogram(Z, bins=4)[0], lambda: np.histogram(Z, bins=4)[0]),
    "dot": (lambda: T.dot(Z, V), lambda: Z @ V),
    "dot of 3 axes": (
        lambda: T.dot(np.ones((2, 3, 4)), np.ones((5, 4, 6))),
        lambda: np.dot(np.ones((2, 3, 4)), np.ones((5, 4, 6))),
    ),
    "matmul": (lambda: Z @ T.constant(A), lambda: Z @ A),
    "tensordot": (lambda: T.tensordot(Z, Z, axes=[[0], [0]]), lambda: np.tensordot(Z, Z, [[0], [0]])),
    "einsum": (lambda: T.einsum("ij,ij->j", X, Y), lambda: np.einsum("ij,ij->j", X, Y)),
    "outer": (lambda: T.outer(V, V), lambda: np.outer(V, V)),
    "kronecker": (lambda: T.kronecker(A, X, V), lambda: np.kron(np.kron(A, X), V)),
    "kron": (lambda: T.kron(A, X), lambda: np.kron(A, X)),
    "kron_dot": (lambda: T.kron_dot([A, S, X], np.arange(64.0)), lambda: (np.kron(np.kron(A, S), X) @ np.arange(64.0))[:, None]),
    "kron_solve_lower": (
        lambda: T.kron_solve_lower([np.tril(A), np.tril(S)], np.ones((16, 2))),
        lambda: np.linalg.solve(np.kron(np.tril(A), np.tril(S)), np.ones((16, 2))),
    ),
    "kron_diag": (lambda: T.kron_diag(V, X[0]), lambda: np.kron(V, X[0])),
    "expand_packed_triangular": (lambda: T.expand_packed_triangular(4, A[np.tril_indices(4)]), lambda: np.tril(A)),
    "packed diagonal": (lambda: T.expand_packed_triangular(4, A[np.triu_indices(4)], False, True), lambda: A.diagonal()),
    "trace": (lambda: T.trace(A), lambda: np.trace(A)),
    "inv": (lambda: T.nlinalg.matrix_inverse(A), lambda: np.linalg.inv(A)),
    "det": (lambda: T.linalg.det(A), lambda: np.linalg.det(A)),
    "slogdet": (lambda: T.linalg.slogdet(-A[:3, :3])[0], lambda: np.linalg.slogdet(-A[:3, :3])[0]),
    "logdet": (lambda: T.logdet(A), lambda: np.linalg.slogdet(A)[1]),
    "cholesky": (lambda: T.linalg.cholesky(S), lambda: np.linalg.cholesky(S)),
    "cholesky upper": (lambda: T.slinalg.cholesky(S, lower=False), lambda: scipy.linalg.cholesky(S)),
    "solve": (lambda: T.linalg.solve(A, V), lambda: np.linalg.solve(A, V)),
    "solve positive": (lambda: T.linalg.solve(S, V, assume_a="pos"), lambda: np.linalg.solve(S, V)),
    "solve_triangular": (
        lambda: T.linalg.solve_triangular(np.tril(A), X.T, lower=True, trans="T"),
        lambda: scipy.linalg.solve_triangular(np.tril(A), X.T, lower=True, trans="T"),
    ),
    "solve a batch": (
        lambda: T.linalg.solve_triangular(np.stack([np.tril(A)] * 2), Z[:2], lower=True, b_ndim=1),
        lambda: np.linalg.solve(np.tril(A), Z[:2].T).T,
    ),
    "cho_solve": (lambda: T.linalg.cho_solve((np.linalg.cholesky(S), True), V), lambda: np.linalg.solve(S, V)),
    "eigvalsh": (lambda: T.linalg.eigvalsh(S), lambda: np.linalg.eigvalsh(S)),
    "singular values": (lambda: T.linalg.svd(Z)[1], lambda: np.linalg.svd(Z)[1]),
    "pinv": (lambda: T.linalg.pinv(Z), lambda: np.linalg.pinv(Z)),
    "lstsq": (lambda: T.linalg.lstsq(Z.T, V)[0], lambda: np.linalg.lstsq(Z.T, V)[0]),
    "expm": (lambda: T.linalg.expm(A / 4), lambda: scipy.linalg.expm(A / 4)),
    "matrix_power": (lambda: T.linalg.matrix_power(A, 3), lambda: np.linalg.matrix_power(A, 3)),
    "block_diag": (lambda: T.block_diag(A, Z), lambda: scipy.linalg.block_diag(A, Z)),
    "multi_dot": (lambda: T.linalg.multi_dot(Z, A, V), lambda: np.linalg.multi_dot([Z, A, V])),
    "fft": (lambda: T.fft.fft(V), lambda: np.fft.fft(V)),
    "irfft": (lambda: T.fft.irfft(T.fft.rfft(V), n=4), lambda: V),
}


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_values(name):
    symbolic, numeric = OTHERS[name]
    found, wanted = symbolic().eval(), numeric()
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / y, lambda x, y: x // y, lambda x, y: x % y,
        lambda x, y: x**y, lambda x, y: divmod(x, y)[0], lambda x, y: divmod(x, y)[1], lambda x, y: x < y, lambda x, y: x >= y,
        lambda x, y: abs(-x) + +y, lambda x, y: x @ y, lambda x, y: (x > 0) & (y > 1) | (x > y) ^ True,
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", ["both", "left", "right"])
def test_operators_on_either_side(f, side):
    x, y = X[0], Y[1]
    left = T.constant(x) if side != "right" else x
    right = T.constant(y) if side != "left" else y
    np.testing.assert_allclose(f(left, right).eval(), f(x, y), rtol=1e-14)


def test_python_numbers_take_the_type_of_their_partner():
    x = T.Placeholder((2,), "float32")
    for expression in (2 * x, x + 1.5, x / 3, 2**x, T.maximum(x, 0.0), x - T.zeros((), "float32")):
        assert expression.dtype == np.float32
    i, j = T.Placeholder((2,), "int32"), T.Placeholder((2,), "int64")
    assert ((i + 1).dtype, (i * 1.5).dtype, (j / 2).dtype) == (np.int32, np.float64, np.float64)


def test_precision_of_the_tails():
    np.testing.assert_allclose(T.erfcx([4.9, 5.0, 5.1, 40.0, -3.0]).eval(), sp.erfcx([4.9, 5.0, 5.1, 40.0, -3.0]), rtol=1e-13)
    np.testing.assert_allclose(T.log1mexp([-1e-20, -40.0]).eval(), [np.log(1e-20), -np.exp(-40.0)], rtol=1e-14)
    np.testing.assert_allclose(T.logdiffexp([0.0, 2.0], [0.0, -np.inf]).eval(), [-np.inf, 2.0])
    x = T.Placeholder((), "float64")
    for f, at in ((T.log1mexp, -1e-300), (T.log1mexp, -800.0), (T.erfcx, 1e5), (T.erfcx, -2.0)):
        assert np.isfinite(symjax.grad(f(x), x).eval({x: at}))


def test_a_complex_number_is_not_cast_to_a_real_one():
    with pytest.raises(TypeError, match="real"):
        T.cast(T.constant(1j), "float64")


@pytest.mark.parametrize("name", ["exp", "log", "log1p", "expm1", "sin", "tanh", "arctan", "floor", "sqrt"])
def test_functions_are_methods(name):
    np.testing.assert_array_equal(getattr(T.as_tensor(X), name)().eval(), getattr(T, name)(X).eval())


def test_arguments_that_no_operation_takes_are_refused():
    with pytest.raises(TypeError, match="kron takes at most 2 arguments by position, got 3"):
        T.kron(A, X, V)


def test_parts_are_replaced_by_methods():
    x = T.as_tensor(np.arange(4.0))
    np.testing.assert_array_equal(x[1:3].set(7.0).eval(), [0.0, 7.0, 7.0, 3.0])
    np.testing.assert_array_equal(x[[0, 0]].inc(1.0).eval(), [2.0, 1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match=r"need a part like `x\[index\]`"):
        T.vector("v").set(1.0)


def test_wrapped_functions_of_jax():
    both = T.jax_wrap(lambda x, *, power: {"sum": jnp.sum(x**power), "parts": (x, x + 1)})
    out = both(T.constant(V), power=2)
    np.testing.assert_allclose(out["sum"].eval(), (V**2).sum())
    np.testing.assert_allclose(out["parts"][1].eval(), V + 1)
    named = T.jax_wrap(jnp.cumsum)(T.constant(V), name="walk")
    assert named.name == "walk" and named.fn_name == "cumsum"


def test_wrapped_functions_of_one_name_stay_apart():
    def make(k):
        def f(x):
            return x * k

        return T.jax_wrap(f)

    f = symjax.function(outputs=[make(2)(T.constant(1.0)), make(3)(T.constant(1.0))])
    assert [float(v) for v in f()] == [2.0, 3.0]


def test_a_wrapped_function_refuses_in_words():
    with pytest.raises(symjax.ShapeError, match="`matmul` cannot take arguments of type"):
        T.jax_wrap(jnp.matmul)(T.ones((2, 3)), T.ones((2, 3)))
    with pytest.raises(TypeError, match="neither an array nor hashable"):
        T.jax_wrap(lambda x, s: x)(T.ones(2), {1, 2})


def test_inputs_in_theanos_spelling():
    x, i, m = T.dvector("x"), T.lscalar("i"), T.matrix("m", shape=(2, None))
    assert (x.dtype, x.ndim, i.dtype, i.shape, m.shape[0], m.ndim) == (np.float64, 1, np.int64, (), 2, 2)
    np.testing.assert_allclose(symjax.function([x, i], x[i])(V, 2), V[2])


def test_every_name_of_pymcs_math_is_here():
    import pymc

    # `logbern` draws from NumPy
    assert [n for n in pymc.math.__all__ if not hasattr(T, n)] == ["logbern"]
