"""What several places say, and what a file system answers."""

import errno as numbers
from collections.abc import Mapping

from retraind.domain.problems import Overruled
from retraind.report.wording.ja._parts import named
from retraind.report.wording.ja._reasons import NOT_ANSWERING, REASONS
from retraind.report.wording.words import Name, Place, Words

# What several places say


def left_to_operator() -> str:
    return "retraindの運用担当者に対処を依頼してください。"


def legacy_hidden() -> str:
    return "以前のバージョンのretraindが記録した問題があります。"


def of_a_newer_version(code: Name) -> str:
    return f"より新しいバージョンのretraindが記録した問題があります（{code}）。"


_OVERRULED: Mapping[tuple[Overruled, bool], str] = {
    (Overruled.CONFIGURATION, False): "（設定により、エラーではなく警告として扱います。）",
    (Overruled.CONFIGURATION, True): "（設定により、警告ではなくエラーとして扱います。）",
    (Overruled.PERSON, False): "（このエラーは、運用担当者がこの投入データに限って許可しています。）",
    (Overruled.PERSON, True): "",
}


def finding_line(
    *,
    file: Name,
    line: int | None,
    what: str,
    service: Name | None,
    remedy: str,
    overruled: Overruled | None,
    error: bool,
) -> str:
    """One finding: where, what, the service's words for it, and what to do.

    `overruled` says who made it an `error`, or a warning, against the rule.
    """
    at = "" if line is None else f"{line:,}行目"
    place = "".join([named(file) if file else "", "の" if file and at else "", at])
    calls = f"対応するサービスのメッセージは「{service}」です。" if service else ""
    todo = f"対処方法：{remedy}" if remedy else ""
    changed = _OVERRULED[overruled, error] if overruled else ""
    return f"{f'{place}：' if place else ''}{what}{changed}{calls}{todo}"


def code_named(codes: tuple[Name, ...]) -> str:
    """How a paragraph ends that names what the documents explain it under."""
    return f"（コード：{'、'.join(codes)}）"


# What folders are called on the share


def drop_folder(inside: bool) -> str:
    """`inside`: for a text that lies in it."""
    return "このフォルダー" if inside else "投入フォルダー"


def earlier_drop_folder() -> str:
    return "以前の投入フォルダー"


def state_folder() -> str:
    return "retraindのマシンの状態フォルダー"


def spool_folder() -> str:
    return "retraindのマシンのスプールフォルダー"


def unreadable_address() -> str:
    """In place of a host."""
    return "読み取れないアドレス"


def on_the_machine(name: Name) -> str:
    return f"retraindのマシンの{named(name) if name else 'フォルダー'}"


# What a file system answers, and what helps

_RIGHTS = "retraindの実行ユーザーに、読み取りと書き込みを許可してください。"
_CLOSE = "ファイルを開いているプログラムを閉じてください。"
_REMEDIES: Mapping[int, str] = {
    numbers.ENOSPC: "空き容量を増やしてください。",
    numbers.EDQUOT: "不要なファイルを削除するか、割り当てを増やしてください。",
    numbers.EACCES: _RIGHTS,
    numbers.EPERM: "ファイルやフォルダーに変更禁止または追記専用の属性がある場合は、属性を外してください。スティッキービットが付いたフォルダーの場合は、その所有者"
    "をretraindの実行ユーザーにしてください。",
    **dict.fromkeys(
        (numbers.EMFILE, numbers.ENFILE),
        "retraindまたはマシンが同時に開けるファイルの数の上限を、引き上げてください。",
    ),
    numbers.EROFS: "書き込みできるようにマウントし直してください。",
    numbers.EEXIST: "retraindが使用する名前のため、そのファイルを別の場所に移動してください。",
    numbers.ENOTDIR: "retraindのフォルダーと同じ名前のリンクまたはファイルを、別の場所に移動してください。",
    numbers.ELOOP: "retraindのファイルと同じ名前のリンクを削除してください。",
    numbers.EIO: "マシンのログをご確認のうえ、ディスクまたは共有フォルダーの障害を取り除いてください。",
    numbers.EBUSY: _CLOSE,
    numbers.ETXTBSY: _CLOSE,
    numbers.ESTALE: "共有フォルダーをマウントし直してください。",
    **dict.fromkeys(NOT_ANSWERING, "共有フォルダーを復旧するか、マウントし直してください。"),
}


def file_error(path: Place | None, errno: int, reason: Name) -> Words:
    """`errno` is 0 where the system gave none."""
    where = f"{path}：" if path else ""
    return Words(f"{where}{REASONS.get(errno, reason)}。", _REMEDIES.get(errno, ""))


def not_a_regular_file(path: Place | None) -> str:
    """`path` is None where the file is named already."""
    return f"{path}は、通常のファイルではありません。" if path else "通常のファイルではありません。"


def too_many_files_there(path: Place, most: int) -> Words:
    return Words(
        f"{path}のファイルとフォルダーの数が、上限の{most:,}を超えています。",
        "一部を別の場所に移動してください。",
    )


def folders_too_deep(path: Place, most: int) -> Words:
    return Words(
        f"{path}のフォルダーの階層が、上限の{most}段を超えています。", "別の場所に移動してください。"
    )


def folder_changes_while_copied(path: Place) -> str:
    return f"フォルダーをコピーしている間に、{path}が作成されました。"


def folder_changes_while_deleted(path: Place) -> str:
    return f"{path}を削除している間に、その中のフォルダーが移動されました。"


_CHECK_DISK = "マシンのログを調べ、ディスクに異常がないかをご確認ください。"


def copy_differs(path: Place) -> Words:
    return Words(f"コピー先の{path}の内容が、コピー元と一致しません。", _CHECK_DISK)


def file_reads_differently(path: Place) -> Words:
    """The source of a copy."""
    return Words(f"{path}のコピー元を読み取るたびに、内容が異なります。", _CHECK_DISK)
