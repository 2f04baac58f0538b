"""What is in a drop folder, and what keeps it from being taken in."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from retraind.report.wording.ja._parts import all_named, either, listing, named, run, span
from retraind.report.wording.ja._reasons import said_by_system
from retraind.report.wording.words import Name, Place, Said, Words

_Role = Literal["train", "eval"]
_ROLES: Mapping[_Role, str] = {"train": "学習用データ", "eval": "評価用データ"}
_ONE_FILE = "1つの投入データには、学習用データを1ファイル（評価用データも使う設定では、評価用データも1ファイル）だけ含めます。"

# The folder


def folder_unreadable(why: Said) -> Words:
    return Words(
        f"{why.what}読み取れるようになるまで、このフォルダーのファイルは取り込みません。", why.remedy
    )


def folder_silent(path: Place) -> Words:
    return Words(
        f"{path}の確認が終わらず、応答がないため、データを取り込めません。",
        "共有フォルダーの場合は、サーバーとネットワークをご確認ください。復旧すると、自動的に再開します。",
        operator_only=True,
    )


_BACK = "共有フォルダーをマウントしてください。マウントすると、自動的に再開します。"


def folder_replaced(path: Place, model: str) -> Words:
    return Words(
        f"{path}が、以前から使用しているフォルダーと異なるため、読み書きを停止しています。共有フォルダーがマウント"
        "されていない可能性があります。",
        f"{_BACK}意図してフォルダーを置き換えた場合は、{run('release', model)}",
        operator_only=True,
    )


def folder_not_mounted(path: Place, point: Place) -> Words:
    """`point` is where something should be mounted: the folder, or one on the way to it."""
    return Words(
        f"fstabまたはsystemdのユニットで指定されている{point}に何もマウントされていないため、{path}の読み書きを停止"
        "しています。",
        f"「mount {point}」でマウントしてください。マウントすると、自動的に再開します。マウントせずにこのフォルダー"
        "を使用する場合は、該当する行またはユニットを削除してください。",
        operator_only=True,
    )


def folder_marker_missing(path: Place, marker: str, model: str) -> Words:
    """`marker` is the file by which the folder is known."""
    return Words(
        f"{path}にファイル{named(marker)}がないため、読み書きを停止しています。共有フォルダーがマウントされていない"
        "可能性があります。",
        f"{_BACK}意図してフォルダーを置き換えた場合は、{run('release', model)}",
        operator_only=True,
    )


def earlier_folder_replaced(path: Place) -> Words:
    """A folder that the model had earlier, and that it still needs."""
    return Words(
        f"{path}が、以前使用していたフォルダーと異なるため、処理を続行できません。共有フォルダーがマウントされていない"
        "可能性があります。",
        _BACK,
        operator_only=True,
    )


def folder_of_another_user(path: Place, user: int) -> Words:
    return Words(
        f"{path}の所有者が別のユーザー（ID {user}）であり、処理中のファイルを置き換えられるおそれがあるため、モデルの"
        "処理を停止しています。",
        "そのフォルダーを別の場所に移動してください。retraindが新しく作成します。retraindのフォルダーを移動していた"
        "場合は、元の場所に戻してください。",
        operator_only=True,
    )


def folder_writable_by_others(path: Place) -> Words:
    return Words(
        f"ほかのユーザーが{path}に書き込めるため、処理中のファイルを置き換えられるおそれがあり、モデルの処理を停止"
        "しています。",
        f"次のコマンドを実行してください：chmod go-w {path}",
        operator_only=True,
    )


def too_many_files(files: int, names: int) -> Words:
    """The limits of one scan: data files, and names of any kind."""
    return Words(
        f"このフォルダーのファイルの数が、1回の確認で読み取れる上限（データファイル{files:,}件、全体で{names:,}件）を"
        "超えています。残りのファイルは、取り込みが進むと順に読み取ります。",
        "retraindに取り込む必要のないファイルを、別の場所に移動してください。",
    )


def inode_numbers_change() -> str:
    return (
        "このファイルシステムではファイルのiノード番号が毎回変わるため、retraindは名前、サイズ、更新日時だけで"
        "ファイルを識別します。"
    )


def arrival_folder_mounted(folder: Name) -> Words:
    """`folder` is in the drop folder."""
    return Words(
        f"{folder}/が別のファイルシステムにあるため、ファイルを書き込み中のプログラムから切り離せず、取り込めません。",
        f"{folder}/を通常のフォルダーに変更するか、投入フォルダー全体をマウントしてください。",
        operator_only=True,
    )


# Files that are not taken in


def left_alone(file: Name, why: Said) -> Words:
    return Words(f"{named(file)}：{why.what}", why.remedy)


def more_left_alone(more: int) -> str:
    return f"取り込まないファイルが、ほかに{more:,}件あります。"


def folder_expected() -> str:
    return "この名前はフォルダーに使用するものですが、フォルダーではありません。"


def file_expected() -> str:
    return "この名前はファイルに使用するものですが、フォルダーです。"


def folder_of_pieces(folder: Name, joined: Name) -> Words:
    """A table that Spark or Hadoop has written as a folder of part files."""
    return Words(
        f"SparkやHadoopが1つの表を分割して出力したフォルダーです。{_ONE_FILE}",
        f"{named(folder)}の中のファイルを1つのファイル{named(joined)}に結合してください。または、coalesce(1)で1つの"
        "ファイルに出力し、その名前でこのフォルダーに移動してください。",
    )


def piece_not_expected() -> Words:
    return Words(
        f"1つの表を分割して出力したファイルの名前です。{_ONE_FILE}",
        "分割されたファイルを1つに結合し、このフォルダーで使用できる名前を付けてください。",
    )


def folder_not_expected() -> Words:
    return Words(
        "フォルダーです。", "中のファイルを取り込むには、ファイルをこのフォルダーに移動してください。"
    )


def folder_of_job() -> Words:
    return Words(
        "ジョブのフォルダーです。",
        "中のファイルを取り込むには、ファイルをこのフォルダーに移動してください。",
    )


def not_regular_file() -> str:
    return "通常のファイルではありません（リンク先のファイルは取り込みません）。"


def hard_link() -> Words:
    return Words(
        "このフォルダーの外に別の名前（ハードリンク）があり、ほかで使用されている可能性があります。",
        "ファイルをコピーして投入してください。",
    )


def name_not_utf8() -> Words:
    return Words("ファイル名の文字エンコードがUTF-8ではありません。", "ファイル名を変更してください。")


def name_with_outer_space() -> Words:
    return Words("ファイル名の先頭または末尾に空白があります。", "空白を取り除いてください。")


def conflict_copy() -> Words:
    return Words(
        "フォルダーを同期するプログラムが、ファイルの変更が競合したために作成したコピーです。",
        "元のファイルと内容を比べて、不要であれば削除し、取り込む場合はファイル名を変更してください。",
    )


def numbered_copy(of: Name) -> Words:
    return Words(
        f"ファイル名から、このフォルダーにあるか、すでに取り込んだ{named(of)}のコピーと判断しました。",
        "別の投入データの場合はファイル名を変更し、そうでない場合は削除してください。",
    )


def ending_not_expected() -> str:
    return "取り込めるファイルは、拡張子が.csvまたは.tsvのものだけです。"


def name_not_expected() -> str:
    return "このフォルダーで使用するファイル名ではありません。"


def file_too_large(size: int, largest: int) -> Words:
    return Words(
        f"ファイルのサイズ（{size:,}バイト）が、設定（bundle.largest）の上限である{largest:,}バイトを超えています。",
        "ファイルを小さくして投入し直してください。または、設定の上限を引き上げる必要があります。",
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
    by = f"retraindの実行ユーザー（{user}）は、" if user else ""
    belongs = f"ファイルの所有者は{owner}です。" if owner and owner != user else ""
    rights = f"アクセス権は{mode}です。" if mode else ""
    what = f"{by}{named(file)}を読み取れません。{why.what}{belongs}{rights}"
    if lacks is None:
        return Words(what, why.remedy)
    umask = {"u": "077", "g": "027", "o": "022"}[lacks]
    return Words(
        what,
        f"今後は、ファイルを書き込むプログラムのumaskを{umask}にしてください。このファイルについては、"
        f"「chmod {lacks}+r {file}」を実行してください。",
    )


# What a delivery waits for


def file_not_arrived(role: _Role, example: Name) -> str:
    return f"{_ROLES[role]}のファイルが届いていません（名前の例：{example}）。"


def file_empty(file: Name) -> str:
    return f"{named(file)}は、まだ空です。"


def several_files_for_role(role: _Role, files: tuple[Name, ...], count: int) -> Words:
    """`files` are the first of them."""
    return Words(
        f"{listing(all_named(files), count)}が、いずれも{_ROLES[role]}のファイル名に一致します。",
        "1つだけを残して、ほかは削除するか、ファイル名を変更してください。",
    )


def pieces_of_one_file(
    role: _Role, files: tuple[Name, ...], count: int, joined: Name, glob: Name | None
) -> Words:
    """`files` are the first of them; `glob` is what matches all of them in a shell."""
    shell = (
        "各ファイルの1行目が項目名の場合は、シェルの"
        f"「awk 'FNR > 1 || NR == 1' {glob} > .joined.tmp && mv .joined.tmp {joined}」で結合できます。"
        if glob
        else ""
    )
    return Words(
        f"{listing(all_named(files), count)}は、1つの{_ROLES[role]}を{count:,}個に分割したファイルと思われます。"
        "一部のファイルだけでは、データの一部しか学習できません。",
        f"1つのファイル{named(joined)}に結合し、分割されたファイルは削除してください。または、1つのファイルに出力して"
        "ください（Spark：coalesce(1)、Snowflake：SINGLE = TRUE、Redshift：PARALLEL OFF、BigQuery：オブジェクトの"
        f"結合）。{shell}",
    )


def piece_alone(file: Name, joined: Name, others: bool) -> Words:
    """`others`: there are pieces of another file beside it."""
    what = (
        f"{named(file)}も、分割されたファイルの名前です。"
        if others
        else f"{named(file)}は、分割されたファイルの1つの名前です。"
    )
    return Words(what, f"分割されていないファイルの場合は、名前を{named(joined)}に変更してください。")


def maybe_first_of_pieces(file: Name, patience: timedelta) -> str:
    return (
        f"{named(file)}は、分割されたファイルの1つ目の名前です。{span(patience)}以内にほかのファイルが届かなければ、"
        "分割されていないファイルとして扱います。"
    )


def download_under_way(file: Name, control: Name) -> Words:
    """`control` is what the program that downloads keeps beside the file."""
    return Words(
        f"{named(control)}があるため、{named(file)}はダウンロード中と判断しました。",
        f"ダウンロードを中止した場合は{named(file)}を投入し直し、完了している場合は{named(control)}を削除してください。",
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
    remedies = [f"ファイル名を{named(renamed)}に変更"] if renamed else []
    settings = [
        f'{name} = "{pattern}"' for name, pattern in (("train", train), ("eval", evaluation)) if pattern
    ]
    if settings:
        remedies.append(f"設定ファイルで{'、'.join(settings)}を指定")
    return Words(
        f"{named(file)}がありますが、投入データの名称（ファイルを組にする部分）が{named(key)}ではなく"
        f"{named(other_key)}です。",
        f"同じ投入データに含めるには、{'するか、'.join(remedies)}する必要があります。" if remedies else "",
    )


def marker_not_arrived(markers: tuple[Name, ...]) -> str:
    return f"完了マーカー{either(all_named(markers))}が届いていません。"


def manifest_not_arrived(file: Name) -> str:
    return f"マニフェスト{named(file)}が届いていません。"


def still_arriving(file: Name, settle: timedelta) -> str:
    return (
        f"{named(file)}は書き込み中の可能性があるため、変更のない状態が{span(settle)}続くまで待っています。"
    )


def changed_while_taken(file: Name, settle: timedelta) -> str:
    return (
        f"取り込みの途中で{named(file)}が変更されたため、変更のない状態が{span(settle)}続くまで待っています。"
    )


def changed_after_marker(file: Name, settle: timedelta) -> str:
    return f"完了マーカーが届いた後に{named(file)}が変更されたため、変更のない状態が{span(settle)}続くまで待っています。"


def maybe_newer_than_marker(file: Name, settle: timedelta) -> str:
    return f"{named(file)}が完了マーカーより新しい可能性があるため、変更のない状態が{span(settle)}続くまで待っています。"


def arrived_after_marker(file: Name) -> Words:
    return Words(
        f"完了マーカーの後に{named(file)}が届いたため、取り込めません。",
        "すべてのファイルがそろってから、完了マーカーを書き込み直してください。",
    )


def marker_without_data(file: Name, examples: tuple[Name, ...]) -> Words:
    """`examples` are names of data files that it could be for; of any files, if there are none."""
    names = f"データファイル（{'、'.join(all_named(examples))}など）" if examples else "データファイル"
    return Words(
        f"{named(file)}に対応するデータファイルがありません。",
        f"名前に誤りがないかをご確認ください。完了マーカーは、{names}を書き込んだ後に投入する必要があります。",
    )


def manifest_without_data(file: Name, examples: tuple[Name, ...]) -> Words:
    return Words(
        f"{named(file)}に対応するデータファイルがありません。",
        f"名前に誤りがないかをご確認ください。対応するのは{'、'.join(all_named(examples))}などのファイルです。",
    )


def waits_for_long(waited: timedelta) -> str:
    return f"{span(waited)}以上待っています。引き続き待ちます。"


def nothing_to_train_with(waited: timedelta) -> str:
    return f"{span(waited)}以上待っていますが、学習用データがないため、学習できません。"


def not_proved_complete(waited: timedelta) -> str:
    return (
        f"{span(waited)}以上待っていますが、学習用データのファイルが最後まで書き込まれたことを確認できないため、"
        "学習用データだけでは学習しません。"
    )


def delivery_incomplete(waited: timedelta, reasons: tuple[Said, ...], paired: bool) -> Words:
    return Words(
        f"{span(waited)}待ちましたが、投入データのファイルがそろいませんでした。{''.join(map(str, reasons))}",
        f"{'両方のファイル' if paired else 'ファイル'}をそろえて、投入し直してください。",
    )


# Mistakes in the patterns of names


def pattern_not_a_name() -> Words:
    return Words(
        "パターンには、ファイル名、または1つのフォルダーとファイル名を指定する必要があります。",
        '"train/{key}"のように書いてください。',
    )


def pattern_folder_reserved() -> Words:
    return Words(
        "done、failed、隠しフォルダーはretraindが使用するため、データは読み込まれません。",
        "別のフォルダーを指定してください。",
    )


def pattern_folder_with_wildcard() -> Words:
    return Words(
        "パターンのフォルダー名に、ワイルドカードや{key}は使用できません。",
        "フォルダー名を省略せずに書いてください。",
    )


def pattern_with_two_keys() -> Words:
    return Words(
        "パターンの中で{key}を使用できるのは1回だけです。",
        "{key}は1か所だけに書き、ほかの場所には*を使用してください。",
    )


def pattern_with_other_wildcard() -> Words:
    return Words(
        "パターンで使用できるワイルドカードは、*と{key}だけです。",
        "ほかのワイルドカードの代わりに*を使用してください。",
    )


def patterns_overlap(train: Name, evaluation: Name) -> Words:
    return Words(
        f'train = "{train}"とeval = "{evaluation}"の両方に一致するファイル名があります。',
        "先頭または末尾に異なる固定の文字列を付けるか（train_{key}とeval_{key}）、フォルダーを分けて"
        "ください（train/{key}とeval/{key}）。",
    )


def key_in_one_pattern() -> Words:
    return Words(
        "2つのファイルを組にするための{key}が、trainとevalの一方にしかありません。",
        "{key}を両方に書くか、どちらにも書かないでください。",
    )


# Logged only


def folder_not_watched(path: Place, reason: Name, limit: bool) -> Words:
    """`limit`: the kernel's limit of watches is reached."""
    more = "早く検出するには、fs.inotify.max_user_watchesの値を大きくしてください。" if limit else ""
    why = "監視できるフォルダーの数が上限に達しています" if limit else said_by_system(reason)
    return Words(
        f"inotifyで{path}を監視できません（{why}）。",
        f"新しいファイルは定期的な確認で検出するため、対応は不要です。{more}",
    )


def inotify_unavailable(reason: Name) -> Words:
    return Words(
        f"inotifyを使用できません（{said_by_system(reason)}）。",
        "新しいファイルは定期的な確認で検出するため、対応は不要です。",
    )
