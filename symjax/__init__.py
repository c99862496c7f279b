"""symjax: a symbolic graph core on JAX with random variables and a rewriting engine that knows algebra and probability."""

from symjax import random as random
from symjax import tensor as tensor
from symjax._config import config as config
from symjax._errors import MissingInputError as MissingInputError
from symjax._errors import NotDerivableError as NotDerivableError
from symjax._errors import ParameterError as ParameterError
from symjax._errors import SamplingError as SamplingError
from symjax._errors import ShapeError as ShapeError
from symjax._errors import SymjaxError as SymjaxError
from symjax.core._function import Function as Function
from symjax.core._function import clone as clone
from symjax.core._function import function as function
from symjax.core._function import to_jax as to_jax
from symjax.core._gradient import grad as grad
from symjax.core._gradient import gradients as gradients
from symjax.core._gradient import hessians as hessians
from symjax.core._gradient import jacobians as jacobians
from symjax.core._leaves import shared as shared
from symjax.core._networkx import to_networkx as to_networkx
from symjax.core._scan import scan as scan
from symjax.core._scope import Graph as Graph
from symjax.core._scope import Scope as Scope
from symjax.core._scope import current_graph as current_graph
from symjax.rewrite import canonicalize as canonicalize

__version__ = "0.1.0"
