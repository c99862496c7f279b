"""symjax: a symbolic graph core on JAX with random variables and a rewriting engine that knows algebra and probability."""
