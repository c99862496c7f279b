"""Gaussian processes: covariance and mean functions, latent processes, processes observed with noise."""

from symjax.pmc_bridge.gp import cov as cov
from symjax.pmc_bridge.gp import hsgp_approx as hsgp_approx
from symjax.pmc_bridge.gp import mean as mean
from symjax.pmc_bridge.gp import util as util
from symjax.pmc_bridge.gp._approximate import MarginalApprox as MarginalApprox
from symjax.pmc_bridge.gp._approximate import MarginalSparse as MarginalSparse
from symjax.pmc_bridge.gp._latent import TP as TP
from symjax.pmc_bridge.gp._latent import Latent as Latent
from symjax.pmc_bridge.gp._marginal import Marginal as Marginal
from symjax.pmc_bridge.gp.hsgp_approx import HSGP as HSGP
from symjax.pmc_bridge.gp.hsgp_approx import HSGPPeriodic as HSGPPeriodic
