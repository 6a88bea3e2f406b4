"""Every figure of the book, in one style; each function returns a `Figure` that shows itself as inline SVG.

The diagrams take the number of steps, the plots take the numbers they show: no figure makes up a number.
"""

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError(
        "rnnlib.figures draws with Matplotlib, which is not installed; install it with: pip install 'rnnlib[figures]'"
    ) from error

from .diagrams import (
    adjoint_way_back,
    folded,
    folded_and_unfolded,
    gradient_path,
    one_step,
    path_of_U,
    path_of_V,
    path_of_W,
    sum_over_paths,
    two_directions,
    unfolded,
    weight_sharing,
)
from .mistakes import caught
from .plots import (
    clipped,
    cost_against_T,
    error_against_step,
    evidence_bars,
    forward_pass,
    loss_cliff,
    norms_back,
    pair_sizes,
    readout_weights,
    softmax_jacobian,
)
from .series import lag_profile, yearly_series
from .speed import growth, ratio_map, staircase
from .style import Figure, beside
from .training import beliefs, confusion, learning_curves
from .variants import bidirectional, gru_cell, gru_paths, lstm_cell, lstm_paths, truncation_windows

__all__ = [
    "Figure",
    "adjoint_way_back",
    "beliefs",
    "beside",
    "bidirectional",
    "caught",
    "clipped",
    "confusion",
    "cost_against_T",
    "error_against_step",
    "evidence_bars",
    "folded",
    "folded_and_unfolded",
    "forward_pass",
    "gradient_path",
    "growth",
    "gru_cell",
    "gru_paths",
    "lag_profile",
    "learning_curves",
    "loss_cliff",
    "lstm_cell",
    "lstm_paths",
    "norms_back",
    "one_step",
    "pair_sizes",
    "path_of_U",
    "path_of_V",
    "path_of_W",
    "ratio_map",
    "readout_weights",
    "softmax_jacobian",
    "staircase",
    "sum_over_paths",
    "truncation_windows",
    "two_directions",
    "unfolded",
    "weight_sharing",
    "yearly_series",
]
