"""What tests read in retraind's own source."""

import ast


def dotted(function: ast.expr) -> str:
    """Return what a call names, as it is written; what is no name there is a question mark.

    `ast.unparse` takes more than parsing does.
    """
    match function:
        case ast.Name(name):
            return name
        case ast.Attribute(of, name):
            return f"{dotted(of)}.{name}"
    return "?"
