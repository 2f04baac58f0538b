"""Mistakes in the configuration, and in what a command names.

`setting_refused` says where a mistake is; the codes after it say what it is.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from retraind.report.wording.ja._parts import either, listing, shell
from retraind.report.wording.ja._reasons import said_by_system
from retraind.report.wording.ja._rights import who, without
from retraind.report.wording.words import Name, Place, Said, Words

# The file


def config_missing(file: Place) -> Words:
    return Words(f"{file}がありません。", "-c FILEで設定ファイルを指定してください。")


def config_not_a_file(file: Place) -> Words:
    return Words(f"{file}は、通常のファイルではありません。", "-c FILEで設定ファイルを指定してください。")


def no_config(here: Place, system: Place, variable: str) -> Words:
    return Words(
        f"./{here}も{system}もなく、${variable}も設定されていないため、設定ファイルが見つかりません。",
        "config.example.tomlをもとに作成するか、-c FILEで設定ファイルを指定してください。",
    )


def config_unreadable(file: Place, reason: str, denied: bool) -> Words:
    remedy = "retraindの実行ユーザーに読み取りを許可し、コマンドもそのユーザーで実行してください。"
    return Words(f"{file}を読み取れません（{said_by_system(reason)}）。", remedy if denied else "")


def config_not_toml(file: Place, text: Name) -> Words:
    return Words(f"{file}がTOMLの書式になっていません（{text}）。", "該当する箇所を修正してください。")


def config_not_utf8(file: Place, offset: int) -> Words:
    return Words(
        f"{file}の文字エンコードがUTF-8ではありません（{offset:,}バイトの位置）。",
        "ファイルをUTF-8で保存してください。",
    )


def secrets_exposed(
    file: Place,
    settings: tuple[Name, ...],
    group: Name | None = None,
    user: Name | None = None,
    file_system: Name | None = None,
) -> Words:
    return Words(
        f"{file}：{listing(settings)}：秘密情報が書かれたこのファイルを、retraind以外も読み取ることができます"
        f"（{who(group, user)}に読み取りの権限があります）。",
        without("r", file, (group, user), file_system, "秘密情報をキーファイルか環境変数に移してください"),
        operator_only=True,
    )


def file_changeable(
    *,
    setting: str,
    path: Place,
    folder: Place | None,
    group: Name | None,
    user: Name | None,
    file_system: Name | None,
) -> Words:
    """`setting` is empty for the configuration itself; in `folder` the file can be replaced."""
    whose = f"{setting}：{who(group, user)}" if setting else who(group, user)
    if folder is None:
        what = f"{whose}が、retraindの使用する{path}を変更できます。"
        return Words(what, without("w", path, (group, user), file_system, _ELSEWHERE), operator_only=True)
    what = f"{whose}が{folder}に書き込めるため、retraindの使用する{path}を置き換えることができます。"
    return Words(what, without("w", folder, (group, user), file_system, _ELSEWHERE), operator_only=True)


_ELSEWHERE = "rootだけが書き込めるローカルフォルダーにファイルを移してください"


def _known(names: tuple[Name, ...], known: str) -> str:
    if len(names) == 1:
        return f"{names[0]}の誤りではないかをご確認ください。"
    return f"使用できる{known}は次のとおりです：{'、'.join(names)}。"


def variable_unknown(variable: Name, known: tuple[Name, ...]) -> Words:
    """`known` is the name that is probably meant, or all names."""
    return Words(
        f"環境変数{variable}に対応するテーブルが設定にないため、この変数は無視されます。",
        f"{_known(known, 'テーブル')}ほかのプログラムの変数（retraindという名前のサービスに対してKubernetesが"
        "設定する変数など）の場合、対応は不要です。",
    )


# A setting


def setting_refused(
    *, file: Place | None, variable: Name | None, setting: Name, value: Name | None, mistake: Said
) -> Words:
    """`value` is as it would be written in the file; it is None where it may be a secret."""
    source = f"環境変数{variable}" if variable else file
    key = setting if value is None else f"{setting} = {value}"
    return Words("：".join(part for part in (source, key, mistake.what) if part), mistake.remedy)


def setting_unknown(known: tuple[Name, ...]) -> Words:
    """`known` is the name that is probably meant, or all names."""
    return Words("この名前の設定項目はありません。", _known(known, "設定項目"))


def rule_unknown(rule: Name, known: tuple[Name, ...]) -> Words:
    """`known` is the rule that is probably meant, or all of them."""
    remedy = (
        f"{known[0]}の誤りではないかをご確認ください。"
        if len(known) == 1
        else "すべてのルールは、docs/data-rules.mdに記載されています。"
    )
    return Words(f"「{rule}」というルールはありません。", remedy)


def rule_fixed(rule: Name) -> Words:
    return Words(
        f"このルールに反するファイルは表として読み込めず、何も送信できないため、{rule}の扱いは変更できません。",
        "設定からこのルールを取り除いてください。",
    )


def setting_missing(key: str) -> Words:
    if key == "models":
        return Words(
            "モデルが1つも設定されていません。",
            "dropとapi_key_fileを書いたテーブル[models.NAME]を追加してください。",
        )
    if key == "drop":
        return Words("この設定は必須です。", "モデルのデータが届くフォルダーを指定してください。")
    return Words("この設定は必須です。", "この設定を追加してください。")


def table_expected(table: Name) -> Words:
    return Words(
        "ここにはテーブルが必要です。",
        f"[{table}{'.NAME' * (table == 'models')}]と書き、その下に設定を書いてください。",
    )


_Type = Literal["boolean", "number", "text", "list", "table", "date", "time"]
_LIMITS = {
    "literal_error": "{}のいずれかを指定してください。",
    "enum": "{}のいずれかを指定してください。",
    "greater_than_equal": "{}以上の値を指定してください。",
    "less_than_equal": "{}以下の値を指定してください。",
}
_TYPES: Mapping[_Type, str] = {
    "boolean": "trueまたはfalse",
    "number": "整数",
    "text": "文字列",
    "list": "リスト",
    "table": "テーブル",
    "date": "日付",
    "time": "時刻",
}
_FOUND: Mapping[_Type, str] = {**_TYPES, "boolean": "真偽値", "number": "数値"}
_WRITE: Mapping[_Type, str] = {
    **{kind: f"{name}を指定してください。" for kind, name in _TYPES.items()},
    "text": "文字列を二重引用符で囲んで指定してください。",
    "list": "リストを[ ]で囲んで指定してください。",
}


def value_invalid(
    *,
    kind: str,
    limit: str | None,
    text: Name,
    found: _Type | None = None,
    expected: _Type | None = None,
    example: Name | None = None,
) -> Words:
    """`kind` and `limit` are pydantic's, as is `text`, which stands where these say too little.

    `found` and `expected` are what stands there and what should, `example` is a line of the file.
    """
    if kind in _LIMITS:
        alternatives = (limit or "").replace(" or ", ", ").replace(", ", "、")
        return Words("この値は使用できません。", _LIMITS[kind].format(alternatives))
    if found and expected:
        remedy = _WRITE[expected] + (f"例：{example}" if example else "")
        if kind == "string_too_short":
            return Words("文字列が空です。", remedy)
        if found == expected:
            return Words(f"{_TYPES[expected]}として読み取れません。", remedy)
        return Words(f"{_TYPES[expected]}ではなく、{_FOUND[found]}が指定されています。", remedy)
    return Words(f"この値を読み取れません（{text.removeprefix('Value error, ')}）。")


# Values


def duration_unreadable() -> Words:
    return Words(
        "時間の長さとして読み取れません。", '"30s"、"10m"、"24h"、"30d"のように、数値と単位を書いてください。'
    )


def duration_out_of_range(longest: timedelta) -> Words:
    return Words(
        f"時間の長さに、負の値や{longest.days}日を超える値は指定できません。",
        "この範囲内の値を指定してください。",
    )


def duration_zero() -> Words:
    return Words("時間の長さが0になっています。", '"10s"のように、0より長い時間を指定してください。')


def duration_without_unit() -> Words:
    return Words("単位のない数値は、秒として扱われます。", '"400d"のように、単位を付けて書いてください。')


def size_unreadable() -> Words:
    return Words("サイズとして読み取れません。", '"500MiB"、"20GiB"のように、数値と単位を書いてください。')


def budget_unreadable() -> Words:
    return Words(
        "学習回数の上限として読み取れません。",
        '"4/month"のように書いてください（期間はday、week、month、year）。',
    )


def model_name_unreadable() -> Words:
    return Words(
        "モデルの名前として使用できません。",
        "半角英小文字、数字、「-」、「_」を使用し、63文字以内で指定してください。",
    )


def variable_name_unreadable() -> Words:
    return Words("環境変数の名前として読み取れません。", "値を付けずに、名前だけを書いてください。")


def variable_reserved() -> Words:
    return Words(
        "この環境変数はretraindが使用しており、キーの漏えいにつながるおそれがあるため、判定プログラムには"
        "渡しません。",
        "一覧から取り除いてください。",
    )


def program_path_relative(program: Name) -> Words:
    return Words(
        f"判定プログラムはジョブのフォルダーで実行されますが、{program}が絶対パスではありません。",
        "「/」で始まる絶対パス、またはPATHにあるプログラムの名前を指定してください。",
    )


def journal_url_unsupported() -> Words:
    return Words(
        "対応しているデータベースはSQLiteだけです。",
        "sqlite:///に続けて、ジャーナルの絶対パスを書いてください。",
    )


_FLAWS = {
    "no_scheme": "アドレスの先頭にhttps://などのスキームがありません。",
    "character": "アドレスに、空白などパーセントエンコードが必要な文字が含まれています。",
    "host": "アドレスのホスト名またはポート番号を読み取れません。",
    "password": "アドレスに含まれるパスワードが、途中で切れている可能性があります。",
}


def address_unreadable(flaw: str, schemes: tuple[str, ...], example: str) -> Words:
    """`schemes` are those that the address may have."""
    allowed = either([f"{scheme}://" for scheme in schemes])
    what = _FLAWS.get(flaw) or f"アドレスは{allowed}で始まる必要があります。"
    if flaw == "password":
        return Words(
            what,
            "ユーザー名とパスワードの中では「/」を%2F、「?」を%3F、「#」を%23と書き、"
            "それ以外の場所では「@」を"
            "%40と書いてください。",
        )
    return Words(what, f'"{example}"のように書いてください。')


def recipient_unreadable() -> Words:
    return Words(
        "通知先のアドレスとして読み取れません。",
        '"https://hooks.example.com/…"や"mailto://…"のように書いてください。',
    )


def recipient_unknown() -> Words:
    return Words(
        "Appriseがこのアドレスに対応していません。",
        "Appriseのドキュメントにある、この通知サービス用の書式で書いてください。",
    )


def apprise_missing(python: Place) -> Words:
    """`python` runs retraind."""
    return Words(
        "https://とhttp://以外のアドレスに必要なAppriseが、インストールされていません。",
        shell(f"{python} -m pip install apprise"),
    )


def recipients_missing() -> Words:
    return Words("通知先が設定されていません。", "notify.urlsに通知先のアドレスを書いてください。")


def socks_missing() -> Words:
    return Words(
        "SOCKSに必要なPySocksがインストールされていません。",
        "「pip install PySocks」を実行するか、http://で始まるプロキシを使用してください。",
    )


def allowed_host_unreadable() -> Words:
    return Words(
        "ホスト名としてもネットワークとしても読み取れません。",
        '"store.example.com"や"*.store.example.com"のようなホスト名、'
        'または"10.1.2.0/24"のようなアドレス範囲を、'
        "ポート番号を付けずに書いてください。",
    )


# Paths


def path_relative() -> Words:
    return Words("絶対パスではありません。", "「/」で始まる絶対パスを書いてください。")


def path_with_nul() -> Words:
    return Words("パスにNUL文字が含まれています。", "NUL文字を取り除いてください。")


def path_missing() -> Words:
    return Words(
        "このパスは存在しません。",
        "フォルダーまたはファイルを作成するか、共有フォルダーをマウントし、retraindの実行ユーザーにアクセスを"
        "許可してください。",
    )


def path_inaccessible(reason: str) -> Words:
    return Words(
        f"このパスにアクセスできません（{said_by_system(reason)}）。",
        "retraindの実行ユーザーにアクセスを許可するか、マウントを修正してください。",
    )


def path_hidden_by_unit(directive: str) -> Words:
    """`directive` is of retraind's unit."""
    return Words(
        f"ユニットの{directive}=により、retraindからはこのパスが見えません。",
        f"別のパスを使用するか、ドロップインファイルで{directive}=を変更してください"
        "（「systemctl edit retraind」を実行します）。",
    )


def not_a_folder() -> Words:
    return Words("このパスはフォルダーではありません。", "フォルダーを指定してください。")


def not_a_file() -> Words:
    return Words("このパスは通常のファイルではありません。", "ファイルを指定してください。")


def drop_folder_overlaps(other: Name, same: bool) -> Words:
    """`same`: the two folders are the same; else this one is inside the other."""
    return Words(
        f"models.{other}.drop{'と同じフォルダー' if same else 'の中にあるフォルダー'}です。",
        "モデルごとに別々の投入フォルダーを、互いの中に入らないように指定してください。",
    )


# Between the keys of a model


def credentials_not_one(given: tuple[str, ...]) -> Words:
    return Words(
        f"認証情報は1つだけ設定する必要があります（現在の設定：{listing(given) or 'なし'}）。",
        "api_key_file、credential（systemd）、環境変数RETRAIND_...のapi_key、"
        "またはアカウントのシークレットキーと"
        "model_idの、いずれか1つを設定してください。",
    )


def model_id_missing(credential: str) -> Words:
    return Words(
        f"{credential}を使用するには、model_idが必要です。",
        "サービスの画面に表示されるモデルの番号を、model_idに設定してください。",
    )


def model_id_unneeded() -> Words:
    return Words(
        "APIキーは1つのモデル専用のため、model_idは不要です。model_idは、アカウントのシークレットキーと"
        "組み合わせて使用します。",
        "model_idを削除するか、シークレットキーを設定してください。",
    )


def gate_missing() -> Words:
    return Words(
        'switch = "gate"を使用するには、公開するかどうかを判定するコマンドgateが必要です。',
        "gateを追加してください。",
    )


def gate_unused() -> Words:
    return Words(
        'gateは、switch = "gate"と組み合わせた場合にだけ使用されます。',
        'switch = "gate"を追加するか、gateを削除してください。',
    )


def filing_folder_in_use(key: str, arriving: bool, default: Place) -> Words:
    """`arriving`: it is the drop folder; else it is where sealed deliveries are."""
    use = "データが投入される" if arriving else "処理中の投入データを置く"
    return Words(
        f"{key}に、{use}フォルダーが指定されています。",
        f"別のフォルダーを指定するか、{key}を削除してください（削除すると{default}が使用されます）。",
    )


def filing_folders_equal() -> Words:
    return Words(
        "doneとfailedが同じフォルダーであるため、どのデータが使用されたのかを区別できません。",
        "異なるフォルダーを指定してください。",
    )


def retention_too_short(longest: timedelta) -> Words:
    return Words(
        "retentionがbudgetの期間より短いため、記録が削除された学習を回数に含めることができません。",
        f'retention = "{longest.days}d"以上に設定してください。',
    )


def setting_requires(key: str, other: str) -> Words:
    return Words(
        f"{key}は、{other}と組み合わせた場合にだけ使用されます。",
        f"{other}を追加するか、{key}を削除してください。",
    )


def holidays_unused() -> Words:
    return Words(
        "upload_holidaysは、upload_windowに「business-days」または「days-off」を指定した場合にだけ使用されます。",
        '「upload_window = "business-days JP 22:00-05:00"」のように指定するか、upload_holidaysを削除してください。',
    )


def settings_contradict(key: str, other: str) -> Words:
    return Words(f"{key}と{other}は同時に使用できません。", "どちらかを削除または修正してください。")


def column_named_twice(key: str, other: str, name: Name) -> Words:
    return Words(
        f"{key}と{other}に、同じ項目「{name}」が指定されています。",
        "それぞれに該当する項目を指定してください。",
    )


def digest_unreadable() -> Words:
    return Words(
        "まとめ通知の日時として読み取れません。",
        "「daily 08:00」、「weekly mon 08:00」、「never」のいずれかを指定してください。"
        "日時の後ろにタイムゾーンも指定できます。",
    )
