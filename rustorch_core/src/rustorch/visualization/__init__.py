"""Pictures of training runs and tensors, drawn with matplotlib; no display is needed."""

from rustorch.visualization.attention import plot_attention_heatmap
from rustorch.visualization.plotter import Plotter
from rustorch.visualization.stats import TensorStats

__all__ = ["Plotter", "TensorStats", "plot_attention_heatmap"]
