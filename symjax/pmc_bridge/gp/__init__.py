"""Gaussian processes: covariance functions."""

from symjax.pmc_bridge.gp import cov as cov
