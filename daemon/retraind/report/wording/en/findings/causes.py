"""Why a file is not a table as it should be: what is in it, which program writes it, and its setting."""

from retraind.report.wording.en._parts import count, listing, quoted, shortened
from retraind.report.wording.en.findings._parts import DELIMITED, also, delimiter_name, deliver, located
from retraind.report.wording.words import Words

_FOREIGN = {
    "html": "a web page (HTML)",
    "xml": "XML",
    "json": "JSON",
    "git-lfs": "a Git LFS pointer, which stands for the data in a repository,",
    "git-annex": "a git-annex pointer, which stands for the data in a repository,",
    "mail": "an email",
    "sql": "SQL statements, such as a database dump,",
    "rtf": "a rich-text document (RTF)",
    "pem": "an encrypted or encoded file (PEM, base64)",
    "arff": "an ARFF file of Weka",
    "message": "a message from a program",
    "shortcut": "a shortcut to a web page or a file",
    "yaml": "YAML",
    "zengin": "a file of records without line breaks, as Japanese banks exchange them (Zengin),",
    "escaped": 'text in a single line, with its line breaks written as "\\n",',
}
_GET_TABLE = {
    "html": "If a program downloaded it, its session or link has probably expired: sign in again, or renew "
    "the link, and download the table as CSV.",
    "xml": "Export the table as CSV; if a program downloaded it, check what the server answered.",
    "json": "Export the table as CSV, or convert it, for example with pandas (read_json, to_csv).",
    "git-lfs": 'Run "git lfs pull" where the file comes from.',
    "git-annex": 'Run "git annex get" where the file comes from.',
    "mail": "Save the attachment instead of the email.",
    "sql": "Export the table as CSV instead of as a dump.",
    "pem": "Decrypt or decode it first.",
    "zengin": "Export the data records as CSV, with the column names in the first row.",
    "escaped": "Decode the text where the file is written: it is a string literal of JSON or of a program.",
    "shortcut": "Download the table that the shortcut points to.",
    "message": "Check the program that wrote or downloaded the file.",
}
_ESCAPE_SETTINGS = (
    "Set the export's escape character to the quote: in Spark, option escape; in pandas, doublequote=True "
    "without escapechar; in MySQL, ESCAPED BY '\"'; in ClickHouse, format CSV."
)
_WITHOUT_COUNT = " (for sqlcmd: SET NOCOUNT ON; for SQL*Plus: SET FEEDBACK OFF; for psql: \\pset footer off)"
_LIST_SEPARATOR = (
    "Excel uses the list separator of Windows' region settings: set it to a comma and the decimal symbol to "
    "a point there, or"
)


# Above and beside the table


def not_a_table(kind: str, title: str | None, extension: str, paired: bool) -> Words:
    """`title` is what the text says of itself."""
    name = _FOREIGN.get(kind, "another text")
    said = f": {quoted(title)}" if title else ""
    expected = DELIMITED.get({".tsv": "\t"}.get(extension, ","), "delimited")
    return Words(
        f"The file is {name.rstrip(',')}{said}, not a table of {expected} text."
        if said or not name.endswith(",")
        else f"The file is {name} and not a table of {expected} text.",
        f"{_GET_TABLE.get(kind, 'Export the table as CSV.')} Then {deliver(paired)}.",
    )


def separator_line(paired: bool, delimiter: str = ",", other_delimiter: str | None = None) -> Words:
    """`other_delimiter` is what the line names and the rows below have, instead of `delimiter`."""
    what = (
        "The first line tells Excel which delimiter to use; the service reads the column names from the "
        "first row."
    )
    if other_delimiter is None:
        return Words(what, f"Remove this line, and {deliver(paired)}.")
    return Words(
        f"{what} The columns below are separated by {delimiter_name(other_delimiter)}.",
        f"Remove this line, export the file with {delimiter_name(delimiter)} between the columns, and "
        f"{deliver(paired)}.",
    )


def type_line(name: str, paired: bool) -> Words:
    """`name` is the type's."""
    return Words(
        f"The first line names a type ({quoted(name)}), not the columns: Windows PowerShell writes it above "
        "the column names.",
        f"Export with Export-Csv -NoTypeInformation (also ConvertTo-Csv), and {deliver(paired)}.",
    )


def split_header(name: str, last: int, columns: int, paired: bool) -> Words:
    """`name` has a line break, which splits the header into the lines up to `last`."""
    return Words(
        f"A line break inside a column name ({quoted(name)}) splits the header: it ends in line {last:,}, "
        f"and the rows below it have {count(columns, 'column')}. The service reads the column names from the "
        "first line.",
        "Remove the line breaks from the names, or enclose such names in double quotes, and "
        f"{deliver(paired)}.",
    )


def lines_above_header(
    *,
    text: str,
    text_line: int,
    header: str,
    header_line: int,
    delimiter: str,
    other_delimiter: str | None,
    padding: tuple[int, ...],
    paired: bool,
) -> Words:
    """The header stands in `header_line`; above it there is, for example, `text`.

    Without a `header`, the rows begin in that line.
    `padding` are the places of columns without a name or a value; `other_delimiter` separates the columns.
    """
    last = header_line - 1
    where = f"Line {last:,} is" if last == 1 else f"Lines 1 to {last:,} are"
    line = f" (line {text_line:,})" if text_line > 1 else ""
    above = quoted(text) if text else "blank rows"
    what = (
        f"{where} above the table: {above}{line}. The column names seem to be in line {header_line:,}: "
        f"{quoted(header)}. The service reads them from the first row."
        if header
        else f"{where} above the table: {above}{line}. The data begins in line {header_line:,}, and no line "
        "has the column names, which the service reads from the first row."
    )
    fix = f"Remove {'this line' if last == 1 else 'these lines'}"
    if padding:
        places = listing([f"{place:,}" for place in padding])
        lacking = (
            f"Column {places} beside the table has"
            if len(padding) == 1
            else f"Columns {places} beside the table have"
        )
        what += f" {lacking} no values."
        fix += " and the blank columns"
    if other_delimiter is not None:
        what += f" The columns are separated by {delimiter_name(other_delimiter)}."
        fix += f", export the file with {delimiter_name(delimiter)} between the columns"
    if not header:
        return Words(what, f"{fix}, export the file with a header, and {deliver(paired)}.")
    return Words(what, f"{fix}, so that the file begins with the column names, and {deliver(paired)}.")


def padding_columns(places: tuple[int, ...], total: int, at_end: bool, paired: bool) -> Words:
    """`places` are those of the first of `total` columns, from 1."""
    columns = listing([f"{place:,}" for place in places], total)
    lacking = f"Column {columns} has" if total == 1 else f"Columns {columns} have"
    blank = "it is a blank column" if total == 1 else "they are blank columns"
    return Words(
        f"{lacking} neither a name nor a value: {blank} "
        f"{'at the end of' if at_end else 'beside'} the table. The service accepts at most one column "
        "without a name.",
        "Delete these columns; in Excel, delete whole columns instead of clearing their cells. Then "
        f"{deliver(paired)}.",
    )


def header_missing(values: tuple[str, ...], total: int, paired: bool) -> Words:
    """`values` are the first of `total` in the first row."""
    row = listing([quoted(value) for value in values], total)
    return Words(
        f"The first row looks like data, not like column names: {row} look like the values below. The "
        "service reads the first row as the column names, so this row would be lost.",
        f"Export the file with a header, and {deliver(paired)}.",
    )


# Another reading


def other_delimiter(
    *,
    delimiter: str,
    other_delimiter: str,
    other_extension: str | None,
    columns: int,
    header: str,
    decimal_commas: bool,
    paired: bool,
) -> Words:
    """Read with `other_delimiter`, all rows have the same `columns`; `header` is the first line."""
    used, expected = delimiter_name(other_delimiter), delimiter_name(delimiter)
    commas = ", and numbers have decimal commas" if decimal_commas else ""
    what = (
        f"The columns are separated by {used}, not by {expected}{commas}: divided at {used}, the header "
        f"({quoted(header)}) and all rows have {count(columns, 'column')}."
    )
    points = " and decimal points in numbers" if decimal_commas else ""
    export = f"export the file with {expected} between the columns{points}, and {deliver(paired)}."
    if other_delimiter == ";":
        return Words(what, f"{_LIST_SEPARATOR} {export}")
    if other_extension is not None:
        return Words(what, f"Change the extension of the file to {shortened(other_extension)}, or {export}")
    return Words(what, f"{export[0].upper()}{export[1:]}")


def backslash_escapes(sequence: str, paired: bool) -> Words:
    """`sequence` is the backslash with what it escapes."""
    if not sequence.endswith('"'):
        return Words(
            f"The file escapes delimiters inside values with a backslash ({sequence}), as in this line; the "
            "service reads each of them as the end of a value.",
            f"Export the file with quotes around values that contain delimiters, and {deliver(paired)}.",
        )
    return Words(
        f"The file escapes quotes inside values with a backslash ({sequence}), as in this line; in CSV, a "
        'quote inside a value is written as two quotes (""), so the value ends too early.',
        f"{_ESCAPE_SETTINGS} Then {deliver(paired)}.",
    )


def space_before_quote(paired: bool) -> Words:
    return Words(
        "There is a space between the delimiter and the quote that opens a value, as in this line; the quote "
        "is then part of the value, and delimiters inside the quotes split the row.",
        f"Export the file without spaces after the delimiters, and {deliver(paired)}.",
    )


def single_quotes(text: str, paired: bool) -> Words:
    """`text` is a value with its apostrophes."""
    return Words(
        f"Values are enclosed in apostrophes, as in this line ({quoted(text)}). In CSV, only double quotes "
        "enclose a value: the apostrophes become part of it, and delimiters between them split the row.",
        f"Export the file with double quotes, or without any, and {deliver(paired)}.",
    )


def doubled_line_breaks(ending: str, paired: bool) -> Words:
    """`ending` is what each row ends with."""
    return Words(
        f"Each row ends with two line breaks ({ending}), so an empty line follows each row.",
        "The program that writes the file converts its line breaks twice: in Python, open the file with "
        f'newline="". Then {deliver(paired)}.',
    )


# Inside the table


def second_mark(
    *,
    in_header: bool,
    has_bom: bool,
    others: tuple[int, ...],
    total: int,
    header_too: bool,
    paired: bool,
) -> Words:
    """The rows that begin with the mark are in this line and in `others`, `total` in all."""
    more = also((f"line {line:,}" for line in others), total, "places")
    if in_header:
        place = "twice at the start of the file" if has_bom else "inside the name of the first column"
        return Words(
            f"The byte order mark (BOM, U+FEFF) appears {place}{more}, so the first column's name begins "
            "with characters that do not belong to it.",
            f"Write the BOM only once: do not add one to text that already has one. Then {deliver(paired)}.",
        )
    header = ", with the header after it" if header_too else ""
    return Words(
        f"This row begins with a byte order mark (BOM, U+FEFF){header}{more}: another file appears to begin "
        "here.",
        f"When files are joined, keep the BOM and the header of the first one only. Then {deliver(paired)}.",
    )


def mark_inside(others: tuple[int, ...], total: int) -> Words:
    return Words(
        "This line contains an invisible character, a byte order mark (BOM, U+FEFF) inside the text"
        f"{also((f'line {line:,}' for line in others), total, 'places')}; values with it differ from those "
        "without.",
        "Remove the character in the source.",
    )


def repeated_header(
    *, others: tuple[int, ...], total: int, reordered: bool, paired: bool, ruled: bool = False
) -> Words:
    """`reordered`: one of these rows has the names in another order; `ruled`: hyphens stand below it."""
    what = (
        "This row repeats the header"
        f"{', with a line of hyphens or similar characters below it' if ruled else ''}"
        f"{also((f'line {line:,}' for line in others), total, 'rows')}; the service reads "
        f"{'both' if ruled else 'it'} as data."
    )
    fix = (
        "When files are joined, keep the header of the first one only; when a report has pages, export it "
        "without a header on each page."
    )
    if reordered:
        what += " Its columns are in another order, and so are probably those of the rows below it."
        fix = (
            "Join only files whose columns are in the same order, and keep the header of the first one only."
        )
    return Words(what, f"{fix} Then {deliver(paired)}.")


def rule_line(
    *,
    end_line: int | None,
    delimiter: str,
    separated: bool,
    under_names: bool,
    pages: int,
    paired: bool,
    others: tuple[int, ...] = (),
    total: int = 1,
) -> Words:
    """`end_line` counts the rows; `separated`: the columns are separated as they should be.

    The names and this line appear again on so many `pages`; or it is not `under_names`, but among the rows,
    as are `others`, `total` in all.
    """
    end = "" if end_line is None else f" Line {end_line:,} counts the rows and is not a row either."
    also_end = "" if end_line is None else " SET NOCOUNT ON omits the line that counts the rows."
    if not under_names:
        return Words(
            "This line consists of hyphens or similar characters and is not a row of the table"
            f"{also((f'line {line:,}' for line in others), total, 'lines')}.{end}",
            f"Export the table without lines between the rows.{also_end} Then {deliver(paired)}.",
        )
    if pages:
        return Words(
            "This line consists of hyphens or similar characters under the column names, and both appear "
            f"again {count(pages, 'time')} further down: the file is a report with pages, as SQL*Plus prints "
            f"it; the service reads these lines as data.{end}",
            "Export without pages (in SQL*Plus: SET MARKUP CSV ON, or SET PAGESIZE 0), and "
            f"{deliver(paired)}.",
        )
    if separated:
        return Words(
            "This line consists of hyphens or similar characters under the column names, as sqlcmd and "
            f"SQL*Plus write it; the service reads it as data.{end}",
            "Remove this line, or export with Invoke-Sqlcmd and Export-Csv -NoTypeInformation instead of "
            f"sqlcmd (in SQL*Plus: SET MARKUP CSV ON).{also_end} Then {deliver(paired)}.",
        )
    return Words(
        "This line is part of a frame of hyphens or similar characters: the file is a printed table, as "
        "sqlcmd, psql, mysql and similar programs show it, and its columns are not separated by "
        f"{delimiter_name(delimiter)}.{end}",
        "Export the table as CSV (in psql: \\copy … CSV HEADER; in SQL*Plus: SET MARKUP CSV ON), and "
        f"{deliver(paired)}.",
    )


def second_table(names: tuple[str, ...], columns: int, expected: int, paired: bool) -> Words:
    """`names` are the first of its columns, if it has any; it has so many `columns`."""
    again = deliver(paired)
    if not names:
        return Words(
            f"From this line on, all rows have {count(columns, 'column')}, but the header has {expected:,}: "
            "rows of another table or export appear to follow.",
            f"Deliver one table per file, and join only files with the same columns. Then {again}.",
        )
    total = len(names) if columns == expected else columns
    width = "" if columns == expected else f": {count(columns, 'column')}, but the header has {expected:,}"
    return Words(
        f"A second table appears to begin in this line, with the names "
        f"{listing([quoted(name) for name in names], total)}{width}; "
        "the service reads it as rows of the first one.",
        "Deliver one table per file: export each sheet, query or report into a file of its own. Then "
        f"{again}.",
    )


def row_below_header(values: tuple[str, ...], total: int, paired: bool, *, completes: bool = False) -> Words:
    """`values` are the first of `total` in this row; it `completes` names that are not unique without it."""
    if completes:
        return Words(
            "The column names are in two rows: those of the first row are unique only together with this "
            f"row ({listing([quoted(value) for value in values], total)}). The service reads the names from "
            "the first row and this row as data.",
            'Write both into the first row, such as "amount_mean" for "amount" above "mean", and remove this '
            f"row. Then {deliver(paired)}.",
        )
    return Words(
        f"This row ({listing([quoted(value) for value in values], total)}) has texts where the next rows "
        "have numbers or dates: it seems to have units, types or more names of the columns. The service "
        "reads it as data, and may take these columns for text.",
        f"Remove this row, or write what it says into the names of the columns. Then {deliver(paired)}.",
    )


def record_types(types: tuple[tuple[str, int], ...], total: int, data: str, paired: bool) -> Words:
    """`types` are the first of `total` codes, each with its number of columns; `data` is one of them."""
    found = listing([f"{quoted(code)} ({count(width, 'column')})" for code, width in types], total)
    return Words(
        f"The rows are records of several types, with the type in the first column: {found}. The service "
        "reads one table, with the column names in the first row and the same columns in all other rows.",
        f"Export only the records of type {quoted(data)}, below a row of column names, and "
        f"{deliver(paired)}.",
    )


def subtotal_rows(text: str, others: tuple[tuple[int, str], ...], total: int, paired: bool) -> Words:
    """`others` are the next of `total` such rows: the line, the text."""
    return Words(
        f"This row ({quoted(text)}) seems to be a total of other rows{also(located(others), total, 'rows')}; "
        "the service reads it as data.",
        "Export without totals and subtotals (in Excel: Data > Subtotal > Remove All), and "
        f"{deliver(paired)}.",
    )


def rows_line(
    *, text: str, is_row: bool, paired: bool, failed: bool = False, among: bool = False, counts: bool = True
) -> Words:
    """`is_row`: it has the columns of a row; `failed`: it reports an error; `among`: rows follow.

    It `counts` rows, or else is a total or a note.
    """
    where = "among the rows" if among else "below the table"
    if failed:
        return Words(
            f"This line ({quoted(text)}) {where} is a message from the program that wrote the file: "
            "the export has probably failed, and rows may be missing.",
            f"Fix the cause of the message, export again, and {deliver(paired)}.",
        )
    if is_row:
        return Words(
            f"The last row ({quoted(text)}) is a total, a note or the end of a report, not a row of data; "
            "the service reads it as data.",
            f"Export without it, and {deliver(paired)}.",
        )
    return Words(
        f"This line ({quoted(text)}) is {where} and is not one of them."
        if among
        else f"This line ({quoted(text)}) is {where} and is not one of its rows.",
        f"Export without it{_WITHOUT_COUNT if counts else ''}, and {deliver(paired)}.",
    )


def ctrl_z(at_end: bool, others: tuple[int, ...], total: int, paired: bool) -> Words:
    """The byte is in this line and in `others`, `total` times in all; or at the end only."""
    if at_end:
        return Words(
            "The file ends with the byte 0x1A (Ctrl-Z), which old programs write to mark the end of a text "
            "file; the service reads it as a value.",
            "Remove this byte. The copy command of Windows adds it where it joins text files: join them in "
            f"binary mode. Then {deliver(paired)}.",
        )
    return Words(
        "This line contains the byte 0x1A (Ctrl-Z), which old programs write to mark the end of a text file"
        f"{also((f'line {line:,}' for line in others), total, 'places')}: another file may begin here, and "
        "some programs stop reading here.",
        f"Remove this byte where files are joined, and the header after it. Then {deliver(paired)}.",
    )


def stray_quotes(text: str, paired: bool, *, line: int | None = None, quote_line: int | None = None) -> Words:
    """`text` is the line in which the value's row begins; the quote is in line `quote_line`."""
    where = f", in line {quote_line:,}," if quote_line not in {None, line} else ""
    return Words(
        f"A value in quotes in this line contains{where} a quote that is not doubled ({quoted(text)}): it "
        "ends the value, and each program reads the rest in its own way.",
        "Write a quote inside quotes as two quotes (a CSV library does so; joining texts with commas does "
        f"not), and {deliver(paired)}.",
    )


def swallowed_rows(
    last: int, others: tuple[tuple[int, int], ...], total: int, delimiter: str, paired: bool
) -> Words:
    """The value reaches from this line to line `last`; `others` are the next of `total` such values."""
    more = also((f"line {first:,} to {end:,}" for first, end in others), total, "such values")
    fix = (
        "Leave quotes out of tab-separated values, or double each of them and enclose the value in quotes"
        if delimiter == "\t"
        else "Close the quote, or write it as two quotes inside quotes"
    )
    return Words(
        f"A quote opens a value in this line and closes in line {last:,}{more}; the rows in between become "
        "part of one value and are lost.",
        f"{fix}, and {deliver(paired)}.",
    )
