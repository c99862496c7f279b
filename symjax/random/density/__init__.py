"""Log densities, cdfs and quantiles of random variables and of expressions of them."""

from symjax.random.density import convolution as convolution
from symjax.random.density import discrete_sums as discrete_sums
from symjax.random.density import elementwise as elementwise
from symjax.random.density import order as order
from symjax.random.density import shape as shape
from symjax.random.density._derive import Derivation as Derivation
from symjax.random.density._derive import Inverse as Inverse
from symjax.random.density._derive import cumulative_of as cumulative_of
from symjax.random.density._derive import density_of as density_of
from symjax.random.density._derive import descent_of as descent_of
from symjax.random.density._derive import element_of as element_of
from symjax.random.density._derive import inverse_of as inverse_of
from symjax.random.density._log_density import log_densities as log_densities
from symjax.random.density._query import icdf as icdf
from symjax.random.density._query import logccdf as logccdf
from symjax.random.density._query import logcdf as logcdf
from symjax.random.density._query import logp as logp
