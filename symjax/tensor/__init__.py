"""The NumPy-like API: every function takes tensors and returns tensors."""

from symjax.core._control_flow import cond as cond
from symjax.core._control_flow import fori_loop as fori_loop
from symjax.core._control_flow import ifelse as ifelse
from symjax.core._control_flow import map as map
from symjax.core._control_flow import while_loop as while_loop
from symjax.core._function import clone as clone
from symjax.core._leaves import Placeholder as Placeholder
from symjax.core._leaves import Variable as Variable
from symjax.core._leaves import as_tensor as as_tensor
from symjax.core._leaves import constant as constant
from symjax.core._node import Constant as Constant
from symjax.core._node import MultiOutputOp as MultiOutputOp
from symjax.core._node import Op as Op
from symjax.core._node import OpItem as OpItem
from symjax.core._node import RandomOp as RandomOp
from symjax.core._node import Tensor as Tensor
from symjax.core._scan import scan_symjax as scan
from symjax.tensor import _methods as _methods
from symjax.tensor._elementwise import *  # noqa: F403
from symjax.tensor._index import *  # noqa: F403
from symjax.tensor._linalg import *  # noqa: F403
from symjax.tensor._reduce import *  # noqa: F403
from symjax.tensor._shape_ops import *  # noqa: F403

as_tensor_variable = as_tensor
