"""Sequential Monte Carlo, under PyMC's names."""

from symjax.pmc_bridge._smc import IMH as IMH
from symjax.pmc_bridge._smc import MH as MH
from symjax.pmc_bridge._smc import sample_smc as sample_smc
