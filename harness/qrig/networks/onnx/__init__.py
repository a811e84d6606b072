"""ONNX: networks that PyTorch, Keras or TensorFlow exported."""

from qrig.networks.onnx.convert import read_onnx

__all__ = ["read_onnx"]
