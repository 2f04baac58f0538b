"""The emulator's trainings, from checked data to results."""
