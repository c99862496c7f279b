"""Transforms of variables to the real line, with PyMC's names."""

from symjax.random._default_transform import default_transform as default_transform
from symjax.random._matrix_transforms import CholeskyCorrTransform as CholeskyCorrTransform
from symjax.random._matrix_transforms import CholeskyCovPacked as CholeskyCovPacked
from symjax.random._matrix_transforms import CholeskyCovTransform as CholeskyCovTransform
from symjax.random._matrix_transforms import ZeroSumTransform as ZeroSumTransform
from symjax.random._matrix_transforms import cholesky as cholesky
from symjax.random._matrix_transforms import packed_cholesky as packed_cholesky
from symjax.random._transforms import Chain as Chain
from symjax.random._transforms import CircularTransform as CircularTransform
from symjax.random._transforms import Interval as Interval
from symjax.random._transforms import LogExpM1 as LogExpM1
from symjax.random._transforms import LogOddsTransform as LogOddsTransform
from symjax.random._transforms import LogTransform as LogTransform
from symjax.random._transforms import Ordered as Ordered
from symjax.random._transforms import SimplexTransform as SimplexTransform
from symjax.random._transforms import SumTo1 as SumTo1
from symjax.random._transforms import Transform as Transform
from symjax.random._transforms import circular as circular
from symjax.random._transforms import log as log
from symjax.random._transforms import log_exp_m1 as log_exp_m1
from symjax.random._transforms import logodds as logodds
from symjax.random._transforms import ordered as ordered
from symjax.random._transforms import simplex as simplex
from symjax.random._transforms import sum_to_1 as sum_to_1
