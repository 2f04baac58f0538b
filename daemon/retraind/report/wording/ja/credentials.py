"""API keys: which one is meant, why it cannot be used, how long it lasts, how it is renewed."""

import shlex
from datetime import datetime

from retraind.report.wording.ja._parts import moment, shell
from retraind.report.wording.ja._reasons import said_by_system
from retraind.report.wording.ja._rights import who
from retraind.report.wording.words import Name, Place, Said, Words


def key_refused(
    *,
    why: Said,
    setting: str,
    secret: bool,
    path: Place | None,
    credential: Name | None,
    variable: Name | None,
) -> Words:
    """`path`, `credential` (systemd's) or `variable` says where the key is, else it is in the settings."""
    return Words(
        f"{why.what}送信したのは、{_key(setting, secret, path, credential, variable)}です。",
        f"{why.remedy}{_renewal(secret, path, credential, variable)}",
        operator_only=True,
    )


def key_ends_soon(
    *,
    since: datetime,
    end: datetime,
    setting: str,
    secret: bool,
    path: Place | None,
    credential: Name | None,
    variable: Name | None,
) -> Words:
    return Words(
        f"{_key(setting, secret, path, credential, variable)}は{moment(since)}から使用しているため、遅くとも"
        f"{moment(end)}に有効期限が切れます。",
        _renewal(secret, path, credential, variable),
        operator_only=True,
    )


def key_not_renewed(why: Said, ends: datetime | None) -> Words:
    until = f"現在のAPIキーの有効期限は{moment(ends)}です。" if ends else ""
    return Words(f"新しいAPIキーを取得できませんでした。{why.what}{until}", why.remedy)


def key_unusable(
    setting: str | None = None,
    path: Place | None = None,
    credential: Name | None = None,
    variable: Name | None = None,
) -> Words:
    where = f"{setting}：" if setting else ""
    return Words(
        f"{where}キーが空であるか、キーに使用できない文字が含まれています。",
        f"キーだけを1行で{_into(path, credential, variable)}",
        operator_only=True,
    )


def key_file_not_regular(setting: str, path: Place) -> Words:
    return Words(
        f"{setting}：通常のファイルではありません。",
        f"次の場所に、キーを書いたファイルを置いてください：{path}",
        operator_only=True,
    )


def key_file_exposed(
    setting: str,
    path: Place,
    group: Name | None = None,
    user: Name | None = None,
    file_system: Name | None = None,
) -> Words:
    """`group` or `user` can read it, else every user can. Both are empty where the name is hidden."""
    if file_system is not None:
        remedy = (
            f"マウント（{file_system}）がアクセス権を独自に決めているため、キーファイルをローカルディスクに"
            "置いてください。"
        )
    elif user is not None:
        remedy = shell(f"sudo setfacl -b {shlex.quote(path)}")
    elif group is not None:
        remedy = shell(f"sudo chown retraind {shlex.quote(path)} && sudo chmod 600 {shlex.quote(path)}")
    else:
        remedy = shell(f"chmod o= {shlex.quote(path)}")
    return Words(
        f"{setting}：{who(group, user)}が、キーファイルを読み取りまたは変更できます。",
        remedy,
        operator_only=True,
    )


def key_file_unreadable(setting: str, path: Place, reason: Name | None) -> Words:
    """`reason` is None for a name that no file can have."""
    why = said_by_system(reason) if reason else "ファイル名として使用できない名前です"
    return Words(
        f"{setting}：キーファイルを読み取れません（{why}）。",
        f"{path}にキーを書き、retraindの実行ユーザーだけが読み取れるようにしてください。",
        operator_only=True,
    )


def key_file_failing(setting: str, reason: Name) -> str:
    return f"{setting}：現在、キーファイルを読み取れません（{said_by_system(reason)}）。"


def credential_not_passed(setting: str, credential: Name) -> Words:
    return Words(
        f"{setting}：systemdから資格情報「{credential}」が渡されていません。",
        f"ユニットにLoadCredential={credential}:（キーファイルのパス）を追加して、"
        "retraindを再起動してください。",
        operator_only=True,
    )


def _key(
    setting: str, secret: bool, path: Place | None, credential: Name | None, variable: Name | None
) -> str:
    """Say which key it is, without a path."""
    if path:
        where = "キーファイルの"
    elif credential:
        where = f"systemdが「{credential}」として渡す"
    elif variable:
        where = f"環境変数{variable}の"
    else:
        where = "設定ファイルに書かれた"
    kind = "アカウントのシークレットキー" if secret else "APIキー"
    also = "またはそれを使って取得したAPIキー" if secret else ""
    return f"{where}{kind}（{setting}）{also}"


def _renewal(secret: bool, path: Place | None, credential: Name | None, variable: Name | None) -> str:
    into = _into(path, credential, variable)
    if secret:
        return f"サービスの画面でアカウントのシークレットキーを確認し、{into}"
    return (
        "サービスのAPI作成画面で新しいAPIキー（ログインクレデンシャル）を取得し、"
        f"{into}APIキーの有効期限は、発行から"
        "30日間です。"
    )


def _into(path: Place | None, credential: Name | None, variable: Name | None) -> str:
    """Say where a key is to be written, as the end of a sentence."""
    if path:
        return f"{path}に書き込んでください。retraindは1分以内に変更を反映します。"
    if credential:
        return (
            f"ユニットのLoadCredential={credential}:に指定されたファイルに書き込み、"
            "retraindを再起動してください"
            "（systemdは起動時にだけこのファイルを読み込みます）。"
        )
    if variable:
        return f"環境変数{variable}に設定して、retraindを再起動してください。"
    return "設定ファイルに書き込み、設定を再読み込みしてください。"
