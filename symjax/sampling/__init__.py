"""Samplers and their driver. They see a `LogDensity`, never a model."""

from symjax.sampling import _hmc, _nuts
from symjax.sampling._backends import sample_with as sample_with
from symjax.sampling._diagnose import Finding as Finding
from symjax.sampling._diagnose import diagnose as diagnose
from symjax.sampling._frame import Frame as Frame
from symjax.sampling._frame import Observations as Observations
from symjax.sampling._metric import Metric as Metric
from symjax.sampling._record import Samples as Samples
from symjax.sampling._run import Report as Report
from symjax.sampling._run import sample as sample
from symjax.sampling._smc import Mover as Mover
from symjax.sampling._smc import Particles as Particles
from symjax.sampling._smc import Tempered as Tempered
from symjax.sampling._smc import sample_smc as sample_smc
from symjax.sampling._target import DiscreteVariable as DiscreteVariable
from symjax.sampling._target import FlatVariable as FlatVariable
from symjax.sampling._target import LogDensity as LogDensity
from symjax.sampling._updates import Update as Update
from symjax.sampling._updates import gibbs as gibbs

hmc, nuts = _hmc, _nuts
