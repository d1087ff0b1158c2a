"""How a loop is compiled here: kept on disk, without Python's lock, with NumPy's rules for division by zero.

Whoever imports a module of kernels pays for numba (half a second, 100 MB), so nothing that every process imports does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a loop over arrays; the compiled form is cached beside the module."""
    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast("Function", compiled)
