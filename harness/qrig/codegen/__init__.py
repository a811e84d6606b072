"""C sources for a network, and what a deployment needs beside them."""

from qrig.codegen.generate import generate_network
from qrig.codegen.plan import MemoryPlan, plan_memory

__all__ = ["MemoryPlan", "generate_network", "plan_memory"]
