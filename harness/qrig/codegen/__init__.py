"""C sources for a network, and what a deployment needs beside them."""

from qrig.codegen.choices import Choice, Choices
from qrig.codegen.generate import generate_network
from qrig.codegen.layout import Layout, make_layout

__all__ = ["Choice", "Choices", "Layout", "generate_network", "make_layout"]
