"""What programs have damaged or left behind before the file came: lost characters, formulas, errors."""

from retraind.report.wording.en._parts import listing, quoted, sentence
from retraind.report.wording.en.findings._parts import also, also_lines, column_name, deliver, other_columns
from retraind.report.wording.words import Words

_EXPORT_AGAIN = "Export the data again from its source as UTF-8 with BOM, without a conversion in between"
_LEFT = {
    "formula": "a formula instead of its result",
    "error": "an error of a spreadsheet instead of a value",
    "narrow": "what Excel shows of a value when the column is too narrow",
    "rounded": "a long number as Excel abbreviates it",
    "dated": "probably a code that Excel has taken for a date and changed",
}
_EFFECT = {
    "narrow": "The value itself is lost.",
    "rounded": "Its last digits are lost.",
    "dated": "The code itself is lost.",
}
_CURE = {
    "formula": "Export the result (in Excel: copy the cells, paste them as values, and save the sheet as "
    "CSV). In a CSV, codes keep their leading zeros without a formula",
    "error": "Correct the formula, or leave the cell empty",
    "narrow": "Widen the column until all values are shown, and save the sheet as CSV again",
    "rounded": "Format the column as a number without decimals, or codes as text, before you save it as CSV",
    "dated": "Format the column as text before you enter or import the codes",
}


def damaged_names(
    *, kind: str, names: tuple[str, ...], total: int, meant: str, encoding: str, was: str, paired: bool
) -> Words:
    """`names` are the first of `total`; the first was read in `encoding`, and is `meant` otherwise."""
    names_of = "Column name" if total == 1 else "Column names"
    shown = f"{names_of} {listing([quoted(name) for name in names], total)}"
    if kind == "spreadsheet":
        return Words(
            f"{shown} {'is' if total == 1 else 'are'} a formula or an error of a spreadsheet, not a name.",
            f"Correct the first row in the spreadsheet, and {deliver(paired)}.",
        )
    if kind == "misread":
        return Words(
            f"{shown} {'seems' if total == 1 else 'seem'} to be {was} that a program has read as "
            f"{encoding} and saved again ({quoted(meant)} is meant).",
            f"Open the file as {was} in that program, or export the data again from its source, and "
            f"{deliver(paired)}.",
        )
    return Words(
        f"{shown} {'has' if total == 1 else 'have'} lost characters: a program could not convert them, and "
        f"wrote {'question marks' if kind == 'question-marks' else 'U+FFFD'} in their place.",
        f"{_EXPORT_AGAIN}, and {deliver(paired)}.",
    )


def damaged_values(
    *,
    kind: str,
    value: str,
    meant: str,
    encoding: str,
    was: str,
    others: tuple[int, ...],
    total: int,
    paired: bool,
    column: str | int | None = None,
) -> Words:
    """`value` was read in `encoding` and is `meant` otherwise; `others` are lines of `total` places."""
    if kind == "misread":
        return Words(
            f"The value {quoted(value)} seems to be {was} that a program has read as {encoding} and saved "
            f"again: {quoted(meant)} is meant.",
            f"Open the file as {was} in that program, or export the data again from its source, and "
            f"{deliver(paired)}.",
        )
    if kind == "question-marks":
        name = sentence(column_name(column)) if column is not None else "A column"
        return Words(
            f"{name} mostly has question marks, such as {quoted(value)}: a program could not convert the "
            "characters of its values.",
            f"{_EXPORT_AGAIN}, and {deliver(paired)}.",
        )
    return Words(
        "This line contains U+FFFD, which a program puts in place of a character that it cannot read"
        f"{also((f'line {line:,}' for line in others), total, 'places')}. The character itself is lost.",
        f"{_EXPORT_AGAIN}, and {deliver(paired)}.",
    )


def spreadsheet_remains(
    *,
    column: str | int,
    kind: str,
    value: str,
    others: tuple[tuple[int, str], ...],
    columns: tuple[str | int, ...],
    total: int,
    paired: bool,
) -> Words:
    """`others` are the next values; the first of `total` columns are named."""
    return Words(
        f"{sentence(column_name(column))} contains {quoted(value)}{also_lines(others)}: "
        f"{_LEFT.get(kind, _LEFT['error'])}{other_columns(columns, total)}. "
        f"{_EFFECT.get(kind, 'The service reads it as text.')}",
        f"{_CURE.get(kind, _CURE['error'])}. Then {deliver(paired)}.",
    )
