"""Gaussian processes: covariance functions, mean functions."""

from symjax.pmc_bridge.gp import cov as cov
from symjax.pmc_bridge.gp import mean as mean
