"""What is wrong with manifests and lists of checksums, and with files that are not as these list them."""

from collections.abc import Mapping
from typing import Literal

from retraind.report.wording.ja._parts import named
from retraind.report.wording.words import Name, Words

_MANIFEST = '{"files": [{"name": "train_2026-11.csv", "size": 35975, "sha256": "（16進数64桁）"}]}'
_Field = Literal["name", "size", "sha256"]
_FIELDS: Mapping[_Field, str] = {
    "name": "二重引用符で囲んだファイル名",
    "size": "二重引用符で囲まないバイト数",
    "sha256": "二重引用符で囲んだ16進数64桁のSHA-256",
}


def _flawed(what: str) -> Words:
    return Words(what, f"正しいマニフェストの例：{_MANIFEST}")


def _position(line: int | None, column: int | None) -> str:
    return "" if line is None or column is None else f"（{line:,}行目の{column:,}文字目）"


def manifest_empty(file: Name) -> str:
    return f"{named(file)}は、まだ空です。"


def manifest_cut_off(file: Name, line: int | None, column: int | None) -> Words:
    return _flawed(
        f"{named(file)}の内容が途中で終わっています{_position(line, column)}。まだ書き込み中の可能性があります。"
    )


def manifest_not_json(file: Name, line: int | None, column: int | None) -> Words:
    return _flawed(
        f"{named(file)}は、UTF-8のJSONとして正しくない箇所があるため{_position(line, column)}、マニフェストとして"
        "読み込めません。"
    )


def manifest_not_object(file: Name) -> Words:
    return _flawed(
        f"{named(file)}は、「{{」で始まるファイルの一覧ではないため、マニフェストとして読み込めません。"
    )


def manifest_without_files(file: Name) -> Words:
    return _flawed(
        f"{named(file)}には、1～10件のファイルを[と]で囲んだ一覧「files」がないため、マニフェストとして読み込めません。"
    )


def manifest_entry_not_object(file: Name, number: int) -> Words:
    return _flawed(
        f"{named(file)}の{number:,}番目のファイルが、name、size、sha256を{{と}}で囲んだ形になっていないため、"
        "マニフェストとして読み込めません。"
    )


def manifest_entry_wrong(file: Name, number: int, field: _Field, missing: bool) -> Words:
    entry = f"{named(file)}の{number:,}番目のファイル"
    return _flawed(
        f"{entry}に{field}（{_FIELDS[field]}）がないため、マニフェストとして読み込めません。"
        if missing
        else f"{entry}の{field}の値が正しくないため、マニフェストとして読み込めません。正しい値は、{_FIELDS[field]}です。"
    )


def manifests_several() -> Words:
    return Words("この投入データには、マニフェストが2つあります。", "どちらか一方を削除してください。")


def manifest_queued(file: Name) -> str:
    return f"{named(file)}は、先に届いたマニフェストの取り込みが終わってから読み込みます。"


def manifest_too_long(file: Name, largest: int) -> str:
    return (
        f"{named(file)}は、マニフェストの上限（{largest:,}バイト）を超えるサイズであるため、読み込めません。"
    )


def checksums_not_utf8(file: Name) -> str:
    return f"{named(file)}は、文字エンコードがUTF-8ではないため、チェックサムの一覧として読み込めません。"


def checksums_line_wrong(file: Name, line: int, last: bool) -> Words:
    """`last`: nothing follows that line, so it may be cut off."""
    arriving = "まだ書き込み中の可能性があります。" if last else ""
    return Words(
        f"{named(file)}は、{line:,}行目がSHA-256のチェックサムとファイル名になっていないため、チェックサムの一覧と"
        f"して読み込めません。{arriving}",
        "sha256sumコマンドの出力と同じ形式にしてください。",
    )


def manifest_repeats_file(manifest: Name) -> str:
    return f"{named(manifest)}に、同じファイルが2回書かれています。"


def manifest_omits_file(manifest: Name, file: Name) -> str:
    return f"{named(manifest)}に、{named(file)}が書かれていません。"


def manifest_lists_missing_file(manifest: Name, file: Name) -> str:
    return f"{named(manifest)}に書かれている{named(file)}が、まだ届いていません。"


def manifest_lists_other_file(manifest: Name, file: Name, other: Name) -> str:
    """`other` is what that file's manifest is called."""
    return (
        f"{named(manifest)}に{named(file)}が書かれていますが、このファイルのマニフェストの名前は{named(other)}で"
        "なければなりません。"
    )


def size_not_as_listed(file: Name, size: int, manifest: Name, listed: int) -> str:
    return (
        f"{named(file)}の現在のサイズ（{size:,}バイト）が、{named(manifest)}に書かれたサイズ（{listed:,}バイト）と"
        "一致していません。"
    )


def comparing_with_manifest(file: Name, manifest: Name) -> str:
    return f"{named(file)}の内容を{named(manifest)}と照合しています。"


def compared_by_daemon(file: Name, manifest: Name) -> str:
    """For commands, which do not read data files."""
    return f"{named(file)}の内容が{named(manifest)}と一致しているかは、STATUS.txtで確認できます。"


def content_not_as_listed(file: Name, manifest: Name, sha256: str, listed: str) -> Words:
    """`sha256` and `listed` are the beginnings of what was found and of what the manifest says."""
    return Words(
        f"{named(file)}の内容（SHA-256：{sha256}…）が、{named(manifest)}に書かれた内容（{listed}…）と一致していま"
        "せん。まだ書き込み中の可能性があります。",
        "書き込みが完了している場合は、ファイルを投入し直してください。",
    )
