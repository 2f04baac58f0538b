"""Files of gates that no system runs: what is in each, the code of what is told, and some of its words."""

FLAWED = {
    "Windows line ends": (b"#!/bin/sh\r\nexit 0\r\n", "gate_with_carriage_returns", "CR LF"),
    "Windows line ends and env": (b"#!/usr/bin/env python3\r\n", "gate_with_carriage_returns", "CR LF"),
    "Windows line ends and an option": (b"#!/bin/sh -e\r\nexit 0\r\n", "gate_with_carriage_returns", "CR LF"),
    "a mark": (b"\xef\xbb\xbf#!/bin/sh\nexit 0\n", "gate_begins_with_mark", "BOM"),
    "a mark and Windows line ends": (b"\xef\xbb\xbf#!/bin/sh\r\n", "gate_begins_with_mark", "BOM"),
    "UTF-16": ("#!/bin/sh\nexit 0\n".encode("utf-16"), "gate_begins_with_mark", "BOM"),
    "no interpreter": (b"import sys\nsys.exit(0)\n", "gate_without_interpreter", "#!"),
    "nothing": (b"", "gate_without_interpreter", "#!"),
    "an empty first line": (b"#!\nexit 0\n", "gate_without_interpreter", "#!"),
    "another interpreter": (b"#!/usr/bin/pyhton3\n", "gate_interpreter_missing", "pyhton3"),
    "another interpreter for env": (b"#!/usr/bin/env pyhton3\n", "gate_interpreter_missing", "pyhton3"),
}
