"""Rewriting: equal expressions that are cheaper, more stable, or known laws.

`canonicalize` is what users call; `rule`, `sum_law` and `register_fact` are how rules are added; see the page on extending.
"""

from symjax.rewrite import _fact_table as _fact_table
from symjax.rewrite import rules as rules
from symjax.rewrite._canonicalize import canonicalize as canonicalize
from symjax.rewrite._engine import Engine as Engine
from symjax.rewrite._engine import Firing as Firing
from symjax.rewrite._facts import REAL as REAL
from symjax.rewrite._facts import UNKNOWN as UNKNOWN
from symjax.rewrite._facts import Fact as Fact
from symjax.rewrite._facts import Facts as Facts
from symjax.rewrite._facts import register_fact as register_fact
from symjax.rewrite._pattern import RandomPattern as RandomPattern
from symjax.rewrite._pattern import Var as Var
from symjax.rewrite._pattern import constants as constants
from symjax.rewrite._pattern import p as p
from symjax.rewrite._pattern import variable as variable
from symjax.rewrite._pattern import variables as variables
from symjax.rewrite._rule import RULES as RULES
from symjax.rewrite._rule import Absorbed as Absorbed
from symjax.rewrite._rule import Replaced as Replaced
from symjax.rewrite._rule import Rule as Rule
from symjax.rewrite._rule import cone_law as cone_law
from symjax.rewrite._rule import rule as rule
from symjax.rewrite._rule import sum_law as sum_law
