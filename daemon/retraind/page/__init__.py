"""The status page: a process of its own that reads the journal and the daemon's state, and changes nothing.

It has no keys and touches no share. Templates hold markup; every word is in report/wording/.
"""
