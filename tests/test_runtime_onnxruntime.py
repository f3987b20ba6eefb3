import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnxruntime
import pytest
import torch

from latency_tables.measuring.chains import Chain
from latency_tables.measuring.networks import typical
from supernet.families import FAMILIES
from supernet.runtimes.onnxruntime import Accelerator, BoundGraph, CoreMl, Cuda, Nnapi, OnnxRuntime, Qnn, Xnnpack

BACKBONE = Chain(tuple(op for op in FAMILIES["nano"].operators(typical(FAMILIES["nano"], 1)[0]) if op.branch == "template"))
JOIN = Chain(tuple(op for op in FAMILIES["nano"].all_operators if op.kind == "join")[:1])


class NothingRuns(Accelerator):
    """A provider of the default package that takes no operator."""

    provider: ClassVar[str] = "AzureExecutionProvider"


def loaded(runtime, model, threads=1):
    graph = runtime.load(runtime.prepare(model), threads)
    graph.bind(model.sample)
    return graph


def relative_error(ours, theirs):
    return np.sqrt(np.mean((ours - theirs) ** 2) / np.mean(theirs**2))


@pytest.mark.parametrize("precision, low, high", [("fp32", 0, 1e-5), ("int8", 1e-4, 0.1)])
@pytest.mark.parametrize("chain", [BACKBONE, JOIN], ids=["backbone", "join"])
def test_outputs_are_those_of_torch(chain, precision, low, high):
    model = chain.model
    with torch.no_grad():
        expected = model.module(*(torch.from_numpy(array) for array in model.sample.values())).numpy()
    graph = loaded(OnnxRuntime(precision), model)
    assert graph.execute() is None
    (output,) = graph.outputs()
    assert output.dtype == np.float32 and low <= relative_error(output, expected) < high


@pytest.mark.parametrize("runtime, way", [(Cuda, "onnxruntime-gpu"), (Xnnpack, "--use_xnnpack"), (Nnapi, "--use_nnapi"), (CoreMl, "macOS")])
def test_a_build_without_the_provider_is_told_from_one_with_it(runtime, way):
    if runtime.provider in onnxruntime.get_available_providers():
        pytest.skip(f"this build has {runtime.provider}")
    with pytest.raises(ImportError, match=f"{runtime.provider}.*CPUExecutionProvider.*{way}"):
        runtime(runtime.precisions[0]).version()


def test_a_provider_that_is_not_there_is_not_replaced_by_the_processor():
    if Xnnpack.provider in onnxruntime.get_available_providers():
        pytest.skip(f"this build has {Xnnpack.provider}")
    with pytest.warns(UserWarning, match="not in available"), pytest.raises(RuntimeError, match="must use XnnpackExecutionProvider"):
        loaded(Xnnpack("fp32"), JOIN.model)


def test_an_accelerator_that_leaves_operators_to_the_processor_is_refused():
    if NothingRuns.provider not in onnxruntime.get_available_providers():
        pytest.skip(f"this build lacks {NothingRuns.provider}")
    with pytest.raises(Exception, match="fallback to CPU EP has been explicitly disabled"):
        loaded(NothingRuns("fp32"), JOIN.model)


def test_threads_go_to_xnnpack_and_not_to_onnxruntime():
    runtime = Xnnpack("fp32")
    assert runtime._options(3).intra_op_num_threads == 1
    assert runtime._provider_options(3) == {"intra_op_num_threads": "3"}


def test_a_bound_graph_gives_what_a_plain_run_gives():
    model = JOIN.model
    session = onnxruntime.InferenceSession(model.onnx, providers=["CPUExecutionProvider"])
    bound = BoundGraph(session, "cpu")
    for ours, theirs in zip(bound.run(model.sample), session.run(None, model.sample), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("chain", [BACKBONE, JOIN], ids=["backbone", "join"])
def test_qualcomms_simulator_runs_whole_graphs(chain):
    pytest.importorskip("onnxruntime_qnn", reason="onnxruntime-qnn is not installed")
    (ours,), (theirs,) = (loaded(runtime("int8"), chain.model).run(chain.model.sample) for runtime in (Qnn, OnnxRuntime))
    assert Qnn("int8").version()
    assert relative_error(ours, theirs) < 0.1


ONE_NODE = """
import onnx
from supernet.runtimes.onnxruntime import OnnxRuntime
value = lambda name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "one", [value("x")], [value("y")])
model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
OnnxRuntime("fp32").load(model.SerializeToString(), 1)
"""


def test_no_telemetry_is_kept(tmp_path):
    places = {"TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    without = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment = {**without, "PYTHONPATH": str(Path(__file__).parents[1]), **places}
    subprocess.run([sys.executable, "-c", ONE_NODE], env=environment, check=True, timeout=120)
    assert not list(tmp_path.iterdir())
