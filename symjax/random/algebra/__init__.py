"""Laws of random variables as rewrite rules, by their algebra; importing this package registers them."""

from symjax.random.algebra import sums as sums
from symjax.random.algebra import supports as supports
from symjax.random.algebra import transforms as transforms
