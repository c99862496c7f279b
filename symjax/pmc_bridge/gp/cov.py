"""Covariance functions and their algebra.

A covariance function is called on inputs of shape ``(n, d)``, or on two of shapes ``(n, d)`` and ``(m, d)``, and gives a matrix of
shape ``(n, m)``. Sums, products, powers and products with numbers of covariance functions are covariance functions.
"""

from symjax.pmc_bridge.gp._covariance import Add as Add
from symjax.pmc_bridge.gp._covariance import BaseCovariance as BaseCovariance
from symjax.pmc_bridge.gp._covariance import Combination as Combination
from symjax.pmc_bridge.gp._covariance import Constant as Constant
from symjax.pmc_bridge.gp._covariance import Covariance as Covariance
from symjax.pmc_bridge.gp._covariance import Exponentiated as Exponentiated
from symjax.pmc_bridge.gp._covariance import Kron as Kron
from symjax.pmc_bridge.gp._covariance import Prod as Prod
from symjax.pmc_bridge.gp._covariance import WhiteNoise as WhiteNoise
from symjax.pmc_bridge.gp._nonstationary import Circular as Circular
from symjax.pmc_bridge.gp._nonstationary import Coregion as Coregion
from symjax.pmc_bridge.gp._nonstationary import Gibbs as Gibbs
from symjax.pmc_bridge.gp._nonstationary import Linear as Linear
from symjax.pmc_bridge.gp._nonstationary import Polynomial as Polynomial
from symjax.pmc_bridge.gp._nonstationary import ScaledCov as ScaledCov
from symjax.pmc_bridge.gp._nonstationary import WarpedInput as WarpedInput
from symjax.pmc_bridge.gp._nonstationary import WrappedPeriodic as WrappedPeriodic
from symjax.pmc_bridge.gp._stationary import Cosine as Cosine
from symjax.pmc_bridge.gp._stationary import Exponential as Exponential
from symjax.pmc_bridge.gp._stationary import ExpQuad as ExpQuad
from symjax.pmc_bridge.gp._stationary import Matern12 as Matern12
from symjax.pmc_bridge.gp._stationary import Matern32 as Matern32
from symjax.pmc_bridge.gp._stationary import Matern52 as Matern52
from symjax.pmc_bridge.gp._stationary import Periodic as Periodic
from symjax.pmc_bridge.gp._stationary import RatQuad as RatQuad
from symjax.pmc_bridge.gp._stationary import Stationary as Stationary
