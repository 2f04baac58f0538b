"""Why the system refuses something, in Japanese instead of the system's English."""

import errno as numbers
import os
from collections.abc import Mapping

_DENIED = "アクセスする権限がありません"
_IN_USE = "別のプログラムが使用しています"
_TOO_MANY_OPEN = "開けるファイルの数の上限に達しています"
NOT_ANSWERING = (
    *(numbers.ENOTCONN, numbers.ECONNABORTED, numbers.ECONNREFUSED, numbers.ECONNRESET),
    *(numbers.ESHUTDOWN, numbers.EHOSTDOWN, numbers.EHOSTUNREACH, numbers.ENETDOWN),
    *(numbers.ENETUNREACH, numbers.ETIMEDOUT, numbers.ENODEV, numbers.ENXIO, numbers.EREMOTEIO),
)
"""A share whose server does not answer."""
REASONS: Mapping[int, str] = {
    numbers.ENOENT: "ファイルまたはフォルダーがありません",
    numbers.ENOSPC: "ディスクの空き容量がありません",
    numbers.EDQUOT: "割り当てられた容量を使い切っています",
    numbers.EACCES: _DENIED,
    numbers.EPERM: _DENIED,
    numbers.EROFS: "ファイルシステムが読み取り専用です",
    numbers.EEXIST: "同じ名前のファイルがすでにあります",
    numbers.ENOTEMPTY: "フォルダーが空ではありません",
    numbers.ENOTDIR: "フォルダーではありません",
    numbers.EISDIR: "フォルダーです",
    numbers.ELOOP: "リンクです",
    numbers.ENOEXEC: "実行できる形式のファイルではありません",
    numbers.EIO: "ディスクまたは共有フォルダーで入出力エラーが発生しました",
    numbers.EBUSY: _IN_USE,
    numbers.ETXTBSY: _IN_USE,
    numbers.ESTALE: "共有フォルダーへの接続が無効になっています",
    numbers.ENAMETOOLONG: "名前が長すぎます",
    numbers.ENOMEM: "メモリが不足しています",
    numbers.EMFILE: _TOO_MANY_OPEN,
    numbers.ENFILE: _TOO_MANY_OPEN,
    **dict.fromkeys(NOT_ANSWERING, "サーバーから応答がありません"),
}
_SQLITE: Mapping[str, str] = {
    "database or disk is full": "ディスクの空き容量がありません",
    "disk I/O error": "ディスクで入出力エラーが発生しました",
    "attempt to write a readonly database": "書き込みが許可されていません",
    "unable to open database file": "ファイルを開けません",
    "database is locked": "ロックされています",
    "database disk image is malformed": "ファイルの内容が壊れています",
    "file is not a database": "データベースのファイルではありません",
}
_KNOWN: Mapping[str, str] = {
    **{os.strerror(number): text for number, text in REASONS.items()},
    **_SQLITE,
}


def said_by_system(text: str) -> str:
    """Return what the system or SQLite says, in Japanese where that is known."""
    return _KNOWN.get(text, text)
