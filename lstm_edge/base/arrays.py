"""What arrays are called here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Ids = npt.NDArray[np.int32]
Probabilities = npt.NDArray[np.float32]
Arrays = dict[str, Array]
"""Arrays by the name of the input or output that they are for; the first axis counts examples."""
