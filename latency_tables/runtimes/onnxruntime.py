"""ONNX Runtime on the processor: Microsoft's engine with its default graph optimisations."""

from __future__ import annotations


class OnnxRuntime:
    """Loads ONNX graphs as they are."""

    package: str = "onnxruntime"
    """What to install where it is missing."""
    precisions: tuple[str, ...] = ("fp32",)
    """Number formats that it runs."""

    def version(self) -> str:
        """Version of the installed package.

        Raises:
            ImportError: There is none.
        """
        try:
            import onnxruntime
        except ImportError as err:
            raise ImportError(f"runtime onnxruntime needs its package; pip install {self.package}") from err
        return onnxruntime.__version__

    def load(self, onnx: bytes, threads: int) -> OnnxGraph:
        """A graph that is ready to run.

        Args:
            onnx: The serialised model, with fixed shapes.
            threads: Threads inside one operator; operators run one after the other.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return OnnxGraph(onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"]))


class OnnxGraph:
    """A loaded graph with random inputs at hand."""

    def __init__(self, session):
        import numpy as np

        rng = np.random.default_rng(0)
        self._session = session
        self._inputs = {node.name: rng.standard_normal(node.shape).astype(np.float32) for node in session.get_inputs()}

    def run_once(self) -> None:
        """One inference, outputs included."""
        self._session.run(None, self._inputs)
