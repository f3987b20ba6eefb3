"""Converts ONNX graphs to LiteRT's model files, on the host.

The official converters go through JAX or TensorFlow, weigh gigabytes and take seconds for each graph. The files written here follow
theirs: values (batch, channels, ...) are stored channels last, and activations and constants are fused into the operator before them.
Schema: tensorflow/lite/schema/schema.fbs, which the package ai-edge-litert contains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import helper, load_from_string, numpy_helper, shape_inference

SIGNATURE = "serving_default"
"""Name under which a file offers its graph."""


def to_tflite(onnx: bytes) -> TfliteFile:
    """Convert an ONNX graph.

    Raises:
        ValueError: The graph has an operator, or an operator with an option, that this converter does not know.
    """
    return _Converter(onnx).convert()


class _Converter:
    """Reads an ONNX graph node by node and adds the operators to a model file."""

    def __init__(self, content: bytes):
        self._graph = shape_inference.infer_shapes(load_from_string(content), data_prop=True).graph
        values = (*self._graph.input, *self._graph.value_info, *self._graph.output)
        self._shapes = {value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim) for value in values}
        self._constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in self._graph.initializer}
        self._readers = Counter(name for node in self._graph.node for name in node.input)
        self._readers.update(value.name for value in self._graph.output)
        self._file = TfliteFile()
        self._tensors = {value.name: self._file.tensor(self._stored(value.name)) for value in self._graph.input}
        self._makers: dict[str, Any] = {}
        """Operators that a later one can be fused into, by the name of the value that they compute."""

    def convert(self) -> TfliteFile:
        """Convert all nodes; called once."""
        for node in self._graph.node:
            self._convert(node)
        self._file.inputs, self._file.outputs = (
            {value.name: self._tensors[value.name] for value in ends} for ends in (self._graph.input, self._graph.output)
        )
        return self._file

    def _convert(self, node) -> None:
        s, inputs = self._file.schema, [self._tensors.get(name, -1) for name in node.input]
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        match node.op_type:
            case "Constant":
                self._constants[node.output[0]] = numpy_helper.to_array(attributes["value"])
            case "Identity" if node.input[0] in self._constants:
                self._constants[node.output[0]] = self._constants[node.input[0]]
            case "Conv":
                self._convolution(node, attributes)
            case "BatchNormalization":
                self._batch_norm(node, attributes["epsilon"])
            case "Add" | "Mul" | "Div":
                self._arithmetic(node)
            case "Relu":
                self._activation(node, "RELU")
            case "Clip" if [self._constants.get(name) for name in node.input[1:]] == [0, 6]:
                self._activation(node, "RELU6")
            case "Sigmoid":
                self._emit("LOGISTIC", node, inputs)
            case "HardSwish":
                self._emit("HARD_SWISH", node, inputs, s.HardSwishOptionsT())
            case "HardSigmoid" if np.allclose([attributes["alpha"], attributes.get("beta", 0.5)], [1 / 6, 0.5]):
                self._hard_sigmoid(node)
            case "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean" if attributes.get("axes", [2, 3]) in ([2, 3], [-1, -2]):
                code = "REDUCE_MAX" if node.op_type == "GlobalMaxPool" else "MEAN"
                keeps = bool(attributes.get("keepdims", 1))
                self._emit(code, node, [*inputs, self._file.constant([1, 2], "int32")], s.ReducerOptionsT(keepDims=keeps))
            case "AveragePool" | "MaxPool" if not any(attributes["pads"]) and not attributes.get("ceil_mode"):
                (filter_h, filter_w), (stride_h, stride_w) = attributes["kernel_shape"], attributes["strides"]
                options = s.Pool2DOptionsT(s.Padding.VALID, stride_w, stride_h, filter_w, filter_h)
                self._emit("MAX_POOL_2D" if node.op_type == "MaxPool" else "AVERAGE_POOL_2D", node, inputs, options)
            case "Pad" if attributes.get("mode", b"constant") == b"constant" and not np.any(self._constant(node, 2)):
                before, after = np.reshape(self._constant(node, 1), (2, -1))
                pads = _channels_last([list(pair) for pair in zip(before, after, strict=True)])
                self._emit("PAD", node, [inputs[0], self._file.constant(pads, "int32")], s.PadOptionsT())
            case "Slice" if all(step == 1 for step in self._constant(node, 4)):
                begins = _channels_last(self._begins(node))
                ends = [self._file.constant(numbers, "int32") for numbers in (begins, self._stored(node.output[0]))]
                self._emit("SLICE", node, [inputs[0], *ends], s.SliceOptionsT())
            case "Gemm" if (attributes.get("transB"), attributes["alpha"], attributes["beta"]) == (1, 1, 1):
                weight, shift = (self._file.constant(self._constants[name]) for name in node.input[1:])
                self._makers[node.output[0]] = self._emit("FULLY_CONNECTED", node, [inputs[0], weight, shift], s.FullyConnectedOptionsT())
            case "Transpose" if attributes["perm"] == [0, 2, 1]:
                self._emit("TRANSPOSE", node, [*inputs, self._file.constant([0, 2, 1], "int32")], s.TransposeOptionsT())
            case "Reshape" | "Flatten" if self._shapes[node.input[0]][:2] == self._shapes[node.output[0]][:2]:
                shape = self._stored(node.output[0])
                self._emit("RESHAPE", node, [inputs[0], self._file.constant(shape, "int32")], s.ReshapeOptionsT(newShape=shape))
            case "MatMul" if all(len(self._shapes.get(name, ())) == 3 for name in node.input):
                # channels last, both matrices are transposed, and so is their product
                self._emit("BATCH_MATMUL", node, inputs[::-1], s.BatchMatMulOptionsT())
            case _:
                raise ValueError(f"LiteRT's writer has no {node.op_type} with {attributes}; onnxruntime runs every operator")

    def _emit(self, code: str, node, inputs: Sequence[int], options=None):
        operator = self._file.operator(code, inputs, self._stored(node.output[0]), options)
        self._tensors[node.output[0]] = operator.outputs[0]
        return operator

    def _constant(self, node, position: int) -> np.ndarray:
        """The constant that a node takes at a position; empty if it takes none."""
        named = node.input[position] if position < len(node.input) else ""
        if named and named not in self._constants:
            raise ValueError(f"LiteRT's writer needs constants where {node.op_type} takes its options, {named} is computed")
        return self._constants[named] if named else np.array([])

    def _begins(self, node) -> list[int]:
        """Where a Slice begins along each axis."""
        shape = self._shapes[node.input[0]]
        begins = [0] * len(shape)
        for axis, begin in zip(self._constant(node, 3), self._constant(node, 1), strict=True):
            begins[axis] = int(np.clip(begin + shape[axis] if begin < 0 else begin, 0, shape[axis]))
        return begins

    def _hard_sigmoid(self, node) -> None:
        """Write relu6(x + 3) / 6; the sum is folded into the convolution before it, if there is one."""
        s, maker = self._file.schema, self._fusible(node.input[0])
        if maker and len(maker.inputs) == 3:
            shift = maker.inputs[2]
            self._file.constants[shift] = self._file.constants[shift] + np.float32(3)
        else:
            shape, three = self._stored(node.input[0]), self._file.constant([3.0])
            maker = self._file.operator("ADD", [self._tensors[node.input[0]], three], shape, s.AddOptionsT())
        maker.builtinOptions.fusedActivationFunction = s.ActivationFunctionType.RELU6
        self._emit("MUL", node, [maker.outputs[0], self._file.constant([1 / 6])], s.MulOptionsT())

    def _convolution(self, node, attributes: Mapping[str, Any]) -> None:
        s, (batch, channels, height, width) = self._file.schema, self._shapes[node.input[0]]
        weight, *bias = (self._constants[name] for name in node.input[1:])
        depthwise = attributes["group"] == len(weight) == channels
        if not (depthwise or attributes["group"] == 1) or attributes["dilations"] != [1, 1]:
            raise ValueError(f"LiteRT's writer has dense and depthwise convolutions without dilation, got {attributes}")
        source, (top, left, bottom, right) = self._tensors[node.input[0]], attributes["pads"]
        (kernel_h, kernel_w), (stride_h, stride_w) = attributes["kernel_shape"], attributes["strides"]
        same = (top, bottom) == _same(height, kernel_h, stride_h) and (left, right) == _same(width, kernel_w, stride_w)
        if not same and any(attributes["pads"]):
            pads = self._file.constant([(0, 0), (top, bottom), (left, right), (0, 0)], "int32")
            padded = (batch, height + top + bottom, width + left + right, channels)
            source = self._file.operator("PAD", [source, pads], padded, s.PadOptionsT()).outputs[0]
        options = s.DepthwiseConv2DOptionsT(depthMultiplier=1) if depthwise else s.Conv2DOptionsT()
        options.padding = s.Padding.SAME if same else s.Padding.VALID
        options.strideH, options.strideW, options.dilationHFactor, options.dilationWFactor = stride_h, stride_w, 1, 1
        weight = self._file.constant(weight.transpose(1, 2, 3, 0) if depthwise else weight.transpose(0, 2, 3, 1))
        shift = self._file.constant(bias[0] if bias else [0.0] * self._shapes[node.output[0]][1])
        code = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        self._makers[node.output[0]] = self._emit(code, node, [source, weight, shift], options)

    def _batch_norm(self, node, epsilon: float) -> None:
        s = self._file.schema
        scale, shift, mean, variance = (self._constants[name] for name in node.input[1:])
        scale = scale / (variance + epsilon) ** 0.5
        scaled = self._emit("MUL", node, [self._tensors[node.input[0]], self._file.constant(scale)], s.MulOptionsT())
        added = self._emit("ADD", node, [scaled.outputs[0], self._file.constant(shift - mean * scale)], s.AddOptionsT())
        self._makers[node.output[0]] = added

    def _arithmetic(self, node) -> None:
        """Write an addition, multiplication or division. A constant number is folded into the convolution before it, if there is one."""
        s, is_sum = self._file.schema, node.op_type == "Add"
        numbers = [self._constants[name] for name in node.input if name in self._constants]
        values = [name for name in node.input if name not in self._constants]
        ranks = {len(self._shapes[name]) for name in values}
        if len(ranks) != 1 or any(number.size != 1 for number in numbers) or node.op_type == "Div" and values != [node.input[0]]:
            raise ValueError(f"LiteRT's writer combines values with values and with numbers, got {node.op_type} of {list(node.input)}")
        numbers = [1 / number if node.op_type == "Div" else number for number in numbers]
        maker = self._fusible(values[0]) if numbers else None
        if maker and len(maker.inputs) == 3:
            _, weight, shift = maker.inputs
            if not is_sum:
                self._file.constants[weight] = self._file.constants[weight] * numbers[0]
            self._file.constants[shift] = self._file.constants[shift] + numbers[0] if is_sum else self._file.constants[shift] * numbers[0]
            self._tensors[node.output[0]], self._makers[node.output[0]] = maker.outputs[0], maker
        else:
            inputs = [*(self._tensors[name] for name in values), *(self._file.constant(number) for number in numbers)]
            options = s.AddOptionsT() if is_sum else s.MulOptionsT()
            self._makers[node.output[0]] = self._emit("ADD" if is_sum else "MUL", node, inputs, options)

    def _activation(self, node, code: str) -> None:
        maker = self._fusible(node.input[0])
        if maker:
            maker.builtinOptions.fusedActivationFunction = getattr(self._file.schema.ActivationFunctionType, code)
            self._tensors[node.output[0]] = maker.outputs[0]
        else:
            self._emit(code, node, [self._tensors[node.input[0]]])

    def _fusible(self, value: str):
        """The operator that computes a value, if only one node reads the value and no activation is fused into the operator; else None."""
        return self._makers.get(value) if self._readers[value] == 1 else None

    def _stored(self, value: str) -> tuple[int, ...]:
        return tuple(_channels_last(self._shapes[value]))


def _channels_last(of_axes: Sequence[Any]) -> list[Any]:
    """What is said of each axis (batch, channels, ...), in the order in which the axes are stored."""
    batch, channels, *rest = of_axes
    return [batch, *rest, channels]


def _same(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Number of cells that TFLite's padding `SAME` adds before and after a side of the input."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class TfliteFile:
    """A LiteRT model file in the making: the tensors and operators of its one graph. A tensor is referred to by its number."""

    def __init__(self):
        from ai_edge_litert import schema_py_generated

        self.schema: Any = schema_py_generated
        self.constants: dict[int, np.ndarray] = {}
        """Values of the constant tensors."""
        self.inputs: dict[str, int] = {}
        """Input tensors by name, in order."""
        self.outputs: dict[str, int] = {}
        """Output tensors by name, in order."""
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: list[int] = []

    def tensor(self, shape: Sequence[int], dtype: str = "float32") -> int:
        """Add a tensor that is computed or given; returns its number."""
        number, kind = len(self._tensors), getattr(self.schema.TensorType, dtype.upper())
        self._tensors.append(self.schema.TensorT(shape=list(shape), type=kind, name=str(number)))
        return number

    def constant(self, values, dtype: str = "float32") -> int:
        """Add a constant tensor; returns its number."""
        array = np.ascontiguousarray(values, dtype)
        self.constants[self.tensor(array.shape, dtype)] = array
        return len(self._tensors) - 1

    def operator(self, code: str, inputs: Sequence[int], shape: Sequence[int], options=None):
        """Add an operator, and a tensor of this shape for its output; returns the operator, a `schema.OperatorT`."""
        s, number = self.schema, getattr(self.schema.BuiltinOperator, code)
        if number not in self._codes:
            self._codes.append(number)
        operator = s.OperatorT(opcodeIndex=self._codes.index(number), inputs=list(inputs), outputs=[self.tensor(shape)])
        if options:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(s.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self._operators.append(operator)
        return operator

    def least_ranges(self) -> dict[int, float]:
        """Smallest range of the input of each operator with weights, by tensor, for which its int8 form can hold its biases.

        A bias is an int32 number of steps of size (range / 255) * (largest weight / 127), input and weight being int8. For a very small
        range the number would overflow; here it is at most 2**30.
        """
        widths: dict[int, float] = {}
        for operator in self._operators:
            if len(operator.inputs) == 3 and self.constants[operator.inputs[2]].dtype == np.float32:  # a slice has whole numbers
                source, weight, bias = operator.inputs
                values, shift = self.constants[weight], np.abs(self.constants[bias])
                axes = tuple(range(1, values.ndim)) if len(values) == len(shift) else (0, 1, 2)
                steps = 2**30 / 127 / 255 * np.abs(values).max(axes)
                widths[source] = max(widths.get(source, 0.0), float((shift / steps).max()))
        return widths

    def content(self) -> bytes:
        """The serialised model file."""
        import flatbuffers

        s = self.schema
        buffers = [s.BufferT()]  # buffer 0 means that a tensor is no constant
        for tensor, values in self.constants.items():
            self._tensors[tensor].buffer = len(buffers)
            buffers.append(s.BufferT(data=values.reshape(-1).view("uint8")))
        codes = [s.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=code) for code in self._codes]
        graph = s.SubGraphT(self._tensors, list(self.inputs.values()), list(self.outputs.values()), self._operators)
        names = ([s.TensorMapT(name, tensor) for name, tensor in ends.items()] for ends in (self.inputs, self.outputs))
        signature = s.SignatureDefT(*names, signatureKey=SIGNATURE)
        model = s.ModelT(version=3, operatorCodes=codes, subgraphs=[graph], buffers=buffers, signatureDefs=[signature])
        builder = flatbuffers.Builder(2 * sum(values.nbytes for values in self.constants.values()) + 2**16)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
