"""Pointwise rules, by their algebra; importing this package registers them."""

from symjax.rewrite.rules import arithmetic as arithmetic
from symjax.rewrite.rules import exp_log as exp_log
from symjax.rewrite.rules import linalg as linalg
from symjax.rewrite.rules import reductions as reductions
from symjax.rewrite.rules import shapes as shapes
from symjax.rewrite.rules import stable as stable
