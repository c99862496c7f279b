"""Random variables: distributions, draws, densities of expressions, and the laws that rewriting knows."""

from symjax.random import algebra as algebra
from symjax.random._distribution import Distribution as Distribution
from symjax.random._draw import RandomVariable as RandomVariable
from symjax.random._sampling import draw as draw
from symjax.random.density import icdf as icdf
from symjax.random.density import log_densities as log_densities
from symjax.random.density import logccdf as logccdf
from symjax.random.density import logcdf as logcdf
from symjax.random.density import logp as logp
from symjax.random.distributions.normal import Normal as Normal
