"""Every sentence for people. A package per language: a function per code, whose parameters are the facts.

A Voice finds the function of a code, gives each fact its type (a moment, a span, a path) and returns the
words for an audience. Nothing else in retraind makes sentences, and nothing reads them.
"""

from retraind.report.wording.catalogue import Catalogue, catalogue
from retraind.report.wording.voice import Voice, code_of, in_words
from retraind.report.wording.words import (
    Audience,
    Health,
    Host,
    Line,
    Name,
    Notice,
    Place,
    Said,
    Section,
    Words,
    joined,
)

__all__ = [
    "Audience", "Catalogue", "Health", "Host", "Line", "Name", "Notice", "Place", "Said", "Section", "Voice",
    "Words", "catalogue", "code_of", "in_words", "joined",
]  # fmt: skip
