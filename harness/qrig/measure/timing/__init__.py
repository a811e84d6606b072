"""Timing models: what a profiled run costs on a core, instruction by instruction."""

from qrig.measure.timing.instruction import Instruction
from qrig.measure.timing.models import find_model, model_cores
from qrig.measure.timing.price import price_profile
from qrig.measure.timing.priced import InstructionCost, PricedPhase, PricedProfile
from qrig.measure.timing.steps import REASONS

__all__ = [
    "REASONS",
    "Instruction",
    "InstructionCost",
    "PricedPhase",
    "PricedProfile",
    "find_model",
    "model_cores",
    "price_profile",
]
