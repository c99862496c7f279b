"""Laws of random variables as rewrite rules, by their algebra; importing this package registers them."""

from symjax.random.algebra import compounds as compounds
from symjax.random.algebra import count_sums as count_sums
from symjax.random.algebra import extremes as extremes
from symjax.random.algebra import gaussian as gaussian
from symjax.random.algebra import kronecker as kronecker
from symjax.random.algebra import location_scale as location_scale
from symjax.random.algebra import mixtures as mixtures
from symjax.random.algebra import multinomial as multinomial
from symjax.random.algebra import normal_functions as normal_functions
from symjax.random.algebra import positive as positive
from symjax.random.algebra import powers as powers
from symjax.random.algebra import sums as sums
from symjax.random.algebra import supports as supports
from symjax.random.algebra import transforms as transforms
from symjax.random.algebra import uniform as uniform
