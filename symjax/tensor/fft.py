"""Discrete Fourier transforms, under the names of `numpy.fft`."""

import jax.numpy as jnp

from symjax.tensor._jax_wrap import jax_wrap

fft = jax_wrap(jnp.fft.fft)
ifft = jax_wrap(jnp.fft.ifft)
fft2 = jax_wrap(jnp.fft.fft2)
ifft2 = jax_wrap(jnp.fft.ifft2)
fftn = jax_wrap(jnp.fft.fftn)
ifftn = jax_wrap(jnp.fft.ifftn)
rfft = jax_wrap(jnp.fft.rfft)
irfft = jax_wrap(jnp.fft.irfft)
rfft2 = jax_wrap(jnp.fft.rfft2)
irfft2 = jax_wrap(jnp.fft.irfft2)
rfftn = jax_wrap(jnp.fft.rfftn)
irfftn = jax_wrap(jnp.fft.irfftn)
fftfreq = jax_wrap(jnp.fft.fftfreq)
rfftfreq = jax_wrap(jnp.fft.rfftfreq)
fftshift = jax_wrap(jnp.fft.fftshift)
ifftshift = jax_wrap(jnp.fft.ifftshift)
