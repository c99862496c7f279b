"""The posterior compiler.

What has a closed form is integrated out of a joint density and recovered exactly, and data is reduced to statistics.
"""

from symjax.random.posterior._compile import Plan as Plan
from symjax.random.posterior._compile import compile_posterior as compile_posterior
from symjax.random.posterior._joint import Factor as Factor
from symjax.random.posterior._joint import Joint as Joint
from symjax.random.posterior._joint import Latent as Latent
from symjax.random.posterior._joint import Record as Record
from symjax.random.posterior._joint import Rewrite as Rewrite
from symjax.random.posterior._joint import is_data as is_data
from symjax.random.posterior._joint import joint_of as joint_of
from symjax.random.posterior._joint import latents_of as latents_of
from symjax.random.posterior._joint import law_factor as law_factor
from symjax.random.posterior._joint import value_of as value_of
