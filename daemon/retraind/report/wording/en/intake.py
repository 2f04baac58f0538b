"""What is in a drop folder, and what keeps it from being taken in."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from retraind.report.wording.en._parts import command, count, listing, span
from retraind.report.wording.words import Name, Place, Said, Words

_Role = Literal["train", "eval"]
_ROLES: Mapping[_Role, str] = {"train": "training", "eval": "evaluation"}
_ONE_FILE = "A delivery has one training file and, in pair mode, one evaluation file."

# The folder


def folder_unreadable(why: Said) -> Words:
    return Words(why.what, f"{why.remedy} Nothing is taken in from the folder until it can be read.".strip())


def folder_silent(path: Place) -> Words:
    return Words(
        f"{path} does not respond: a scan of it has not finished. Until it has, nothing is taken in from "
        "there.",
        "If it is on a share, check its server and the network. retraind then continues automatically.",
        operator_only=True,
    )


def folder_replaced(path: Place, model: str) -> Words:
    return Words(
        f"{path} is not the folder that retraind knows; its share is probably not mounted. "
        "Nothing is read from there or written there.",
        "Mount the share; retraind then continues automatically. If the folder was replaced on purpose, run: "
        f"{command('release', model)}",
        operator_only=True,
    )


def folder_not_mounted(path: Place, point: Place) -> Words:
    """`point` is where something should be mounted: the folder, or one on the way to it."""
    return Words(
        f"{path} waits for its share: {point} is a mount point in fstab or in a systemd unit, but nothing is "
        "mounted there. Nothing is read from there or written there.",
        f"Mount it (mount {point}); retraind then continues automatically. If the local folder is the right "
        "one, remove that line or unit.",
        operator_only=True,
    )


def folder_marker_missing(path: Place, marker: str, model: str) -> Words:
    """`marker` is the file by which the folder is known."""
    return Words(
        f"The file {marker} is missing from {path}; its share is probably not mounted. "
        "Nothing is read from there or written there.",
        "Mount the share; retraind then continues automatically. If the folder was replaced on purpose, run: "
        f"{command('release', model)}",
        operator_only=True,
    )


def earlier_folder_replaced(path: Place) -> Words:
    """A folder that the model had earlier, and that it still needs."""
    return Words(
        f"{path} is not the folder that retraind knows; its share is probably not mounted.",
        "Mount the share; retraind then continues automatically.",
        operator_only=True,
    )


def folder_of_another_user(path: Place, user: int) -> Words:
    return Words(
        f"{path} belongs to another user (id {user}), who could replace the files in work. The model waits.",
        "Move it away; retraind creates a new one. If retraind's own folder was moved, move it back.",
        operator_only=True,
    )


def folder_writable_by_others(path: Place) -> Words:
    return Words(
        f"Other users can write to {path} and could replace the files in work. The model waits.",
        f"Run: chmod go-w {path}",
        operator_only=True,
    )


def too_many_files(files: int, names: int) -> Words:
    """The limits of one scan: data files, and names of any kind."""
    return Words(
        f"This folder has more files than one scan reads ({files:,} data files, {names:,} names). "
        "The others follow once these are taken in.",
        "Remove what is not meant for retraind.",
    )


def inode_numbers_change() -> str:
    return (
        "The file system reports a different inode number for a file each time, so retraind recognises files "
        "only by name, size and time of modification."
    )


def arrival_folder_mounted(folder: Name) -> Words:
    """`folder` is in the drop folder."""
    return Words(
        f"{folder}/ is on a file system of its own, so its files cannot be moved out of reach of their "
        "writers.",
        f"Make {folder}/ an ordinary folder, or mount the whole drop folder instead.",
        operator_only=True,
    )


# Files that are not taken in


def left_alone(file: Name, why: Said) -> Words:
    return Words(f"{file}: {why.what}", why.remedy)


def more_left_alone(more: int) -> str:
    return f"{count(more, 'more file is', 'more files are')} left alone."


def folder_expected() -> str:
    return "This folder expects a folder under this name, not a file."


def file_expected() -> str:
    return "It is a folder; this folder expects a file under this name."


def folder_of_pieces(folder: Name, joined: Name) -> Words:
    """A table that Spark or Hadoop has written as a folder of part files."""
    return Words(
        f"It is a folder of part files, as Spark and Hadoop write them. {_ONE_FILE}",
        f"Join the parts of {folder}/ into one file {joined}, or have the export write a single file and "
        "deliver that: coalesce(1), then move its part file here under that name.",
    )


def piece_not_expected() -> Words:
    return Words(
        f"By its name, it is one part of a table that was written as several files. {_ONE_FILE}",
        "Join the parts into one file, under a name that this folder expects.",
    )


def folder_not_expected() -> Words:
    return Words("It is a folder.", "To have its files taken in, move them out of it into this folder.")


def folder_of_job() -> Words:
    return Words(
        "It is the folder of a job.", "To have its files taken in, move them out of it into this folder."
    )


def not_regular_file() -> str:
    return "It is not a regular file (links are not followed)."


def hard_link() -> Words:
    return Words(
        "It has a second name outside this folder (a hard link), so it may belong to someone else.",
        "Deliver a copy.",
    )


def name_not_utf8() -> Words:
    return Words("Its name is not UTF-8.", "Rename it.")


def name_with_outer_space() -> Words:
    return Words("Its name begins or ends with a space.", "Rename it without the space.")


def conflict_copy() -> Words:
    return Words(
        "A program that synchronizes folders made this copy because two versions of a file conflicted.",
        "Compare it with the original, then delete it, or rename it to have it taken in.",
    )


def numbered_copy(of: Name) -> Words:
    return Words(
        f"Its name marks it as a copy of {of}, which is here or was taken in before.",
        "If it is another delivery, rename it; otherwise, delete it.",
    )


def ending_not_expected() -> str:
    return "Only files that end in .csv or .tsv are taken in."


def name_not_expected() -> str:
    return "This folder does not expect a file with this name."


def file_too_large(size: int, largest: int) -> Words:
    return Words(
        f"It has {count(size, 'byte')}; the limit is {largest:,} (bundle.largest in the configuration).",
        "Deliver a smaller file, or have the limit raised.",
    )


def file_unreadable(
    *,
    file: Name,
    why: Said,
    user: Name | None = None,
    owner: Name | None = None,
    mode: str | None = None,
    lacks: Literal["u", "g", "o"] | None = None,
) -> Words:
    """`user` is retraind's; `lacks` says whose right to read the file lacks, where that is the cause."""
    by = f" by retraind's user {user}" if user else ""
    belongs = f" It belongs to {owner}." if owner and owner != user else ""
    rights = f" Its mode is {mode}." if mode else ""
    what = f"{file} cannot be read{by}: {why.what}{belongs}{rights}"
    if lacks is None:
        return Words(what, why.remedy)
    umask = {"u": "077", "g": "027", "o": "022"}[lacks]
    return Words(
        what,
        f"Run: chmod {lacks}+r {file}. For later files, use umask {umask} in the program that writes them.",
    )


# What a delivery waits for


def file_not_arrived(role: _Role, example: Name) -> str:
    return f"The {_ROLES[role]} file has not arrived (expected: a name like {example})."


def file_empty(file: Name) -> str:
    return f"{file} is still empty."


def several_files_for_role(role: _Role, files: tuple[Name, ...], count: int) -> Words:
    """`files` are the first of them."""
    both = "all" if files[2:] else "both"
    return Words(
        f"{listing(files, count)} {both} match the name pattern of the {_ROLES[role]} file.",
        "Remove or rename all but one of them.",
    )


def pieces_of_one_file(
    role: _Role, files: tuple[Name, ...], count: int, joined: Name, glob: Name | None
) -> Words:
    """`files` are the first of them; `glob` is what matches all of them in a shell."""
    command = f": awk 'FNR > 1 || NR == 1' {glob} > .joined.tmp && mv .joined.tmp {joined}" if glob else ""
    return Words(
        f"{listing(files, count)} look like {count:,} pieces of one {_ROLES[role]} file. A delivery has "
        "only one such file, and a model trained with one piece would miss the rest of the data.",
        f"Join them into {joined} and remove the pieces{command} (if each begins with the column names). "
        "Or have the export write a single file (Spark: coalesce(1); Snowflake: SINGLE = TRUE; Redshift: "
        "PARALLEL OFF; BigQuery: compose or join the objects).",
    )


def piece_alone(file: Name, joined: Name, others: bool) -> Words:
    """`others`: there are pieces of another file beside it."""
    also = "also " if others else ""
    return Words(
        f"{file} is {also}named like one of several pieces.",
        f"If it is a complete file, rename it to {joined}.",
    )


def maybe_first_of_pieces(file: Name, patience: timedelta) -> str:
    return (
        f"{file} is named like the first of several pieces. It counts as a complete file if no other piece "
        f"arrives within {span(patience)}."
    )


def download_under_way(file: Name, control: Name) -> Words:
    """`control` is what the program that downloads keeps beside the file."""
    return Words(
        f"{file} is still being downloaded: {control} is next to it.",
        f"If the download was aborted, deliver {file} again. If it is complete, delete {control}.",
    )


def other_key_there(
    *,
    file: Name,
    key: Name,
    other_key: Name,
    renamed: Name | None,
    train: Name | None,
    evaluation: Name | None,
) -> Words:
    """A file whose key differs from that of the delivery `key`, though they seem to belong together.

    `renamed` is the name that would join them; `train` and `evaluation` are patterns that would.
    """
    remedies = [f"rename it to {renamed}"] if renamed else []
    settings = [
        f'{name} = "{pattern}"' for name, pattern in (("train", train), ("eval", evaluation)) if pattern
    ]
    if settings:
        remedies.append(f"have {listing(settings)} set in the configuration")
    return Words(
        f"{file} is here, but its key is {other_key}, not {key}.",
        f"If they belong together, {', or '.join(remedies)}." if remedies else "",
    )


def marker_not_arrived(markers: tuple[Name, ...]) -> str:
    return f"The marker file {' or '.join(markers)} has not arrived."


def manifest_not_arrived(file: Name) -> str:
    return f"The manifest {file} has not arrived."


def still_arriving(file: Name, settle: timedelta) -> str:
    return f"{file} is still arriving; it must stay unchanged for {span(settle)}."


def changed_while_taken(file: Name, settle: timedelta) -> str:
    return f"{file} was still changing when it was taken in; it must stay unchanged for {span(settle)}."


def changed_after_marker(file: Name, settle: timedelta) -> str:
    return f"{file} changed after its marker arrived; it must stay unchanged for {span(settle)}."


def maybe_newer_than_marker(file: Name, settle: timedelta) -> str:
    return f"{file} may be newer than its marker; it must stay unchanged for {span(settle)}."


def arrived_after_marker(file: Name) -> Words:
    return Words(f"{file} arrived after the marker.", "Write the marker again when all files are there.")


def marker_without_data(file: Name, examples: tuple[Name, ...]) -> Words:
    """`examples` are names of data files that it could be for; of any files, if there are none."""
    names = f"files with names like {' and '.join(examples)}" if examples else "any data files"
    return Words(
        f"No data file matches {file}.",
        f"Check its name: it belongs to {names}, and must be written after them.",
    )


def manifest_without_data(file: Name, examples: tuple[Name, ...]) -> Words:
    return Words(
        f"No data file matches {file}.",
        f"Check its name: it belongs to files with names like {' and '.join(examples)}.",
    )


def waits_for_long(waited: timedelta) -> str:
    return f"It has been waiting for more than {span(waited)}; retraind keeps waiting."


def nothing_to_train_with(waited: timedelta) -> str:
    return (
        f"It has been waiting for more than {span(waited)}. "
        "Without a training file, retraind cannot train a model."
    )


def not_proved_complete(waited: timedelta) -> str:
    return (
        f"It has been waiting for more than {span(waited)}. "
        "The training file is not used alone, because it is not known to be complete."
    )


def delivery_incomplete(waited: timedelta, reasons: tuple[Said, ...], paired: bool) -> Words:
    return Words(
        f"The delivery was incomplete for {span(waited)}. {' '.join(map(str, reasons))}",
        f"Deliver {'both files' if paired else 'the file'} again, complete.",
    )


# Mistakes in the patterns of names


def pattern_not_a_name() -> Words:
    return Words(
        "A pattern is a file name, or one folder and a file name.", 'Write, for example, "train/{key}".'
    )


def pattern_folder_reserved() -> Words:
    return Words(
        "done, failed and hidden folders belong to retraind; no data is read from them.",
        "Name another folder.",
    )


def pattern_folder_with_wildcard() -> Words:
    return Words("The folder in a pattern cannot contain wildcards or {key}.", "Write its name in full.")


def pattern_with_two_keys() -> Words:
    return Words("A pattern can contain {key} only once.", "Write {key} once, and * elsewhere.")


def pattern_with_other_wildcard() -> Words:
    return Words("A pattern supports only * and {key} as wildcards.", "Write * for any other wildcard.")


def patterns_overlap(train: Name, evaluation: Name) -> Words:
    return Words(
        f'train = "{train}" and eval = "{evaluation}" can both match the same name.',
        "Begin or end them with different fixed text (train_{key} and eval_{key}), or use folders "
        "(train/{key} and eval/{key}).",
    )


def key_in_one_pattern() -> Words:
    return Words(
        "Only one of train and eval contains {key}, which joins the two files.",
        "Write {key} in both, or in neither.",
    )


# Logged only


def folder_not_watched(path: Place, reason: Name, limit: bool) -> Words:
    """`limit`: the kernel's limit of watches is reached."""
    more = " To have them found faster, raise fs.inotify.max_user_watches." if limit else ""
    return Words(
        f"inotify cannot watch {path} ({reason}).", f"No action is needed: sweeps find new files.{more}"
    )


def inotify_unavailable(reason: Name) -> Words:
    return Words(f"inotify is not available ({reason}).", "No action is needed: sweeps find new files.")
