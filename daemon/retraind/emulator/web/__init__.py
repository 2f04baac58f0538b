"""The emulator's HTTP side: the API, the object store and the control paths."""
