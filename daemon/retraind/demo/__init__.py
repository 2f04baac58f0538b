"""`retraind demo`: a complete job on real data, with the emulator as the service, in a temporary folder."""

from retraind.demo.show import add_arguments, run_from_arguments

__all__ = ["add_arguments", "run_from_arguments"]
