"""Every engine says what ONNX Runtime in fp32 says, within what its arithmetic allows."""

import contextlib
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from inference_service.detector.engine_choice.trial import trial_frames
from inference_service.detector.engines.onnx_graph import read_graph
from inference_service.detector.engines.onnx_runtime import OnnxEngine
from inference_service.detector.engines.registry import FAMILIES
from inference_service.detector.heads import INPUT_MULTIPLE_PX, INPUT_NAME, STRIDE_PX
from inference_service.detector.member_sums import Sum
from inference_service.detector.model import load_model
from inference_service.detector.pipeline import shipped_model
from shared.errors import ModelError

SIDE = 16 * INPUT_MULTIPLE_PX


@pytest.fixture(scope="module")
def model():
    whole = load_model(shipped_model())
    return replace(whole, members=(whole.members * 3)[:3])


@pytest.fixture(scope="module")
def image():
    return np.ascontiguousarray(trial_frames()[1].image[: 2 * SIDE, 8 : SIDE + 8])


@pytest.fixture(scope="module")
def reference(model, image):
    engine = OnnxEngine(model, 1)
    sums = engine.sums(image)
    engine.close()
    return sums


def need(package):
    """Skip without the package; it is not imported here, for its import may call home."""
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def test_sums_have_one_cell_for_each_stride(reference):
    assert reference.shape == (len(Sum), 2 * SIDE // STRIDE_PX, SIDE // STRIDE_PX)
    assert 0.5 < reference[Sum.P].max() <= 3.0


def test_members_side_by_side_say_what_they_say_in_turn(model, image, reference):
    engine = OnnxEngine(model, 2)
    first, second = engine.sums(image), engine.sums(image)
    engine.close()
    assert first == pytest.approx(reference, abs=1e-5)
    assert np.array_equal(first, second)


def test_more_threads_than_members_are_no_use_and_no_harm(model, image):
    engine = OnnxEngine(replace(model, members=model.members[:1]), 7)
    assert engine.sums(image)[Sum.P].max() <= 1.0
    engine.close()


@pytest.mark.parametrize(
    ("precision", "p_limit", "moment_limit"), [("fp32", 5e-3, 5e-3), ("bf16", 0.03, 0.1)]
)
def test_openvino_agrees_with_onnx_runtime(
    model, image, reference, precision, p_limit, moment_limit
):
    need("openvino")
    from inference_service.detector.engines.openvino_runtime import cpu

    engine = cpu.OpenVinoEngine(model, 2, precision)
    sums = engine.sums(image)
    engine.close()
    assert np.abs(sums[Sum.P] - reference[Sum.P]).max() < 3 * p_limit
    assert np.abs(sums - reference).max() < 3 * moment_limit


def test_eight_bits_agree_where_ranges_were_measured(model, image, reference):
    need("openvino")
    from inference_service.detector.engines.openvino_runtime import cpu, int8

    ranges = int8.measure_ranges(model, [frame.image for frame in trial_frames()])
    assert len(ranges) == 3
    engine = cpu.OpenVinoEngine(model, 2, "int8", ranges)
    sums = engine.sums(image)
    engine.close()
    assert np.abs(sums[Sum.P] - reference[Sum.P]).max() < 3 * 0.08
    assert not np.array_equal(sums, reference)


def test_importing_openvino_calls_nobody():
    need("openvino")
    code = (
        "import sys, threading;"
        "from inference_service.detector.engines.openvino_runtime import cpu;"
        "assert not [name for name in sys.modules if 'telemetry' in name];"
        "assert threading.active_count() == 1, threading.enumerate()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_quantisation_spares_the_first_and_the_last_convolution(model):
    need("openvino")
    from inference_service.detector.engines.openvino_runtime import cpu, int8

    graph = cpu.read_member(cpu.openvino.Core(), model.members[0])
    count = sum(node.kind == "Conv" for node in read_graph(model.members[0]).nodes)
    int8.quantise(graph, [0.0, 1.0] * (count - 2))
    names = [node.get_type_name() for node in graph.get_ordered_ops()]
    assert names.count("FakeQuantize") == 2 * (count - 2)


@pytest.mark.parametrize(("dtype", "limit"), [("float32", 1e-4), ("float16", 0.1)])
def test_torch_agrees_with_onnx_runtime_on_the_processor(model, image, reference, dtype, limit):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from inference_service.detector.engines.torch_cuda import TorchEngine

    engine = TorchEngine(model, "cpu", getattr(torch, dtype))
    assert engine.members == 3
    assert engine.sums(image) == pytest.approx(reference, abs=limit)
    engine.close()


def test_torch_runs_every_operation_it_claims_as_onnx_runtime_does():
    pytest.importorskip("torch", reason="torch is not installed")
    helper = pytest.importorskip("onnx", reason="onnx is not installed").helper
    import onnx
    import onnxruntime
    import torch
    from onnx import numpy_helper

    from inference_service.detector.engines.torch_graph import OPERATIONS, StackedMembers

    node = helper.make_node
    nearest = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    nodes = [
        node("SpaceToDepth", ["image"], ["cells"], blocksize=2),
        node("Conv", ["cells", "w1", "b1"], ["a"], pads=[1, 1, 1, 1]),
        node("LeakyRelu", ["a"], ["leaky"], alpha=0.1),
        node("MaxPool", ["leaky"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["pooled", "w2"], ["b"], pads=[2, 2, 2, 2], dilations=[2, 2]),
        node("Sigmoid", ["b"], ["gate"]),
        node("Mul", ["b", "gate"], ["swish"]),
        node("Resize", ["swish", "", "twice"], ["near"], mode="nearest", **nearest),
        node("Resize", ["swish", "", "twice"], ["smooth"], mode="linear"),
        node("Add", ["near", "smooth"], ["added"]),
        node("SpaceToDepth", ["added"], ["deep"], blocksize=2),
        node("DepthToSpace", ["deep"], ["back"], blocksize=2),
        node("Identity", ["back"], ["same"]),
        node("Concat", ["leaky", "same"], ["joined"], axis=1),
        node("Conv", ["joined", "w3"], ["c"], pads=[1, 0, 0, 1]),
        node("Relu", ["c"], ["d"]),
        node("DepthToSpace", ["d"], ["heads"], blocksize=2, mode="CRD"),
    ]
    rng = np.random.default_rng(5)

    def member():
        weights = {
            "w1": rng.normal(size=(6, 4, 3, 3)),
            "b1": rng.normal(size=6),
            "w2": rng.normal(size=(6, 6, 3, 3)) / 5,
            "w3": rng.normal(size=(8, 12, 2, 2)),
            "twice": np.array([1, 1, 2, 2]),
        }
        arrays = [numpy_helper.from_array(v.astype("f4"), k) for k, v in weights.items()]
        ends = [helper.make_tensor_value_info(k, 1, [None] * 4) for k in ("image", "heads")]
        graph = helper.make_graph(nodes, "all", ends[:1], ends[1:], arrays)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(made)
        return made.SerializeToString()

    assert {one.op_type for one in nodes} == set(OPERATIONS)
    members = [member(), member()]
    x = rng.normal(size=(1, 1, 16, 24)).astype("f4")
    stack = StackedMembers([read_graph(one) for one in members], torch.device("cpu"), torch.float32)
    ours = stack(torch.from_numpy(x)).numpy()
    for index, one in enumerate(members):
        session = onnxruntime.InferenceSession(one, providers=["CPUExecutionProvider"])
        assert ours[index] == pytest.approx(session.run(["heads"], {"image": x})[0][0], abs=1e-4)


def open_with(name, model):
    if name == "onnx":
        return OnnxEngine(model, 1)
    if name == "openvino":
        need("openvino")
        from inference_service.detector.engines.openvino_runtime.cpu import OpenVinoEngine

        return OpenVinoEngine(model, 1, "fp32")
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from inference_service.detector.engines.torch_cuda import TorchEngine

    return TorchEngine(model, "cpu", torch.float32)


@pytest.mark.parametrize("name", FAMILIES)
def test_bytes_that_are_no_graph_are_refused(model, name):
    with pytest.raises(ModelError):
        open_with(name, replace(model, members=(b"not a graph",)))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_graph_of_another_interface_is_refused(model, name):
    wrong = INPUT_NAME[::-1].encode()
    member = model.members[0].replace(INPUT_NAME.encode(), wrong)
    with pytest.raises(ModelError):
        open_with(name, replace(model, members=(member,)))


def test_a_graph_is_read_whole_without_the_onnx_package(model):
    graph = read_graph(model.members[0])
    assert graph.nodes[0].inputs == (INPUT_NAME,)
    weights = [graph.constants[n.inputs[1]] for n in graph.nodes if n.kind == "Conv"]
    assert all(weight.ndim == 4 and weight.dtype == np.float32 for weight in weights)
    assert all(np.isfinite(weight).all() and weight.any() for weight in weights)


def test_a_graph_cut_off_anywhere_is_refused_or_read_never_a_crash(model):
    member = model.members[0]
    rng = np.random.default_rng(7)
    for end in rng.integers(0, len(member), 200):
        with contextlib.suppress(ModelError):
            read_graph(member[:end])


def test_a_graph_with_any_byte_changed_is_refused_or_read_never_a_crash(model):
    member = bytearray(model.members[0])
    rng = np.random.default_rng(8)
    for place in rng.integers(0, 3000, 200):
        kept = member[place]
        member[place] = rng.integers(256)
        with contextlib.suppress(ModelError):
            read_graph(bytes(member))
        member[place] = kept
