"""What the daemon reports of itself and of its journal."""

from datetime import timedelta

from retraind.report.wording.ja._parts import command, listing, run, span
from retraind.report.wording.ja._reasons import said_by_system
from retraind.report.wording.words import Name, Place, Said, Words

# The daemon

# Limits on what is taken in


def place_not_local(point: Place, kind: Name) -> Words:
    """`point` is where a file system of the type `kind` is mounted."""
    return Words(
        f"この場所は{point}（ファイルシステムの種類：{kind}）にあります。応答が途絶えると、retraindがすべてのモデルとともに"
        "停止します。",
        "ローカルディスク上のフォルダーを指定してください。",
    )


def place_in_drop_folder(other: Name) -> Words:
    """`other` is the model of which it is the drop folder, or whose drop folder it is in."""
    return Words(
        f"この場所は、ほかのユーザーが書き込む投入フォルダー（models.{other}.drop）の中にあります。",
        "投入フォルダーの外にあるフォルダーを指定してください。",
    )


def drop_folder_reassigned(path: Place, other: Name, model: Name) -> Words:
    """`other` is the model that had this drop folder until the configuration was changed."""
    return Words(
        f"{path}は、これまで{other}の投入フォルダーでした。今後ここに届くファイルは、{model}の再学習に使用されます。",
        f"意図した変更でなければ、models.{model}.dropを修正し、設定を再読み込みしてください。",
        operator_only=True,
    )


def place_in_own_folder(folder: Place) -> Words:
    """`folder` is one of the spool, the backups, the gate's copies and what is known of shares."""
    return Words(
        f"この場所は、retraindが自身のファイルを置き、それ以外を削除するフォルダー（{folder}）の中にあります。",
        "別のフォルダーを指定してください。",
    )


def backlog_full(most: int) -> str:
    return (
        f"取り込み済みで処理が終わっていない投入データが{most:,}件あるため、取り込みを待っています。"
        "処理が終わり次第、続きを取り込みます。"
    )


def hour_full(most: int) -> str:
    return f"1時間に取り込める上限の{most:,}件に達したため、残りの投入データは後で取り込みます。"


# Deliveries that nobody works on


def job_folder_unknown(folder: Name) -> Words:
    """Its folder is in .retraind, and its files were taken in."""
    return Words(
        f".retraind/{folder}に、retraindの記録にない投入データがあります。状態フォルダーが失われたか、"
        "置き換えられた可能性があります。このデータは送信されません。",
        f"retraindを停止したうえで、{run('rebuild')}",
        operator_only=True,
    )


def model_of_job_gone(delivery: Name, before: Name, heir: Name) -> Words:
    """`heir` is the model that has the drop folder now."""
    return Words(
        f"{delivery}はモデル「{before}」の投入データとして取り込まれましたが、このモデルはretraindの設定に"
        "ありません。",
        f"モデルの名前が「{heir}」に変わった場合は、{run('adopt', before, heir)}",
        operator_only=True,
    )


# Why a folder is not watched


def retraind_stopped() -> str:
    return "retraindが停止しました。"


def run_ended() -> str:
    return "retraindは常時実行されてはおらず、前回の実行は終了しています。"


def start_failed() -> str:
    return "ジャーナルを使用できないため、retraindを起動できませんでした。"


def model_removed() -> str:
    return "このモデルは、retraindの設定から削除されました。"


def table_refused() -> Words:
    """Also for the share: what is wrong names paths and settings of the machine."""
    return Words(
        "retraindの設定で、このモデルの設定に誤りがあります。",
        f"修正してから、設定を再読み込みしてください。誤りの内容を確認するには、{run('status')}",
        operator_only=True,
    )


# Why a hold ends


def key_replaced() -> str:
    return "APIキーが置き換えられました。"


def key_tried_again() -> str:
    return "APIキーをもう一度試します。"


def key_accepted_again() -> str:
    return "サービスがAPIキーを再び受け付けました。"


def hold_reason_gone() -> str:
    return "保留の原因が解消しました。"


def hold_reason_maybe_gone() -> str:
    return "保留の原因が解消した可能性があります。"


def rights_corrected() -> str:
    return "アクセス権が修正され、retraindだけがアクセスできるようになりました。"


def retraind_started() -> str:
    return "retraindが起動しました。"


def released_by_person() -> str:
    return "担当者が保留を解除しました。"


# Logged, and shown by systemd


def restart_needed() -> Words:
    return Words(
        "[api]、[state]、work.parallel、metrics.listenの設定は、retraindの起動時にだけ読み込まれます。",
        "新しい値を反映するには、retraindを再起動してください。",
    )


def run_out_of_time(limit: timedelta, jobs: int, waits: Said | None) -> str:
    """For `run --once --for`: `jobs` are not finished, `waits` is what one of them waits for."""
    last = str(waits) if waits else ""
    return (
        f"--forで指定された{span(limit)}が経過したため、実行を終了しました。"
        f"完了していないジョブが{jobs:,}件あり、"
        f"次回の実行で続きを処理します。{last}"
    )


def step_cut_off() -> str:
    return "処理が時間内に安全な区切りに達しなかったため、次回の起動後にやり直します。"


def daemon_status(
    *,
    models: int,
    held: int,
    jobs: int,
    away: tuple[Name, ...],
    refused: tuple[Name, ...],
    journal: Said | None,
    mistake: Said | None,
    more_mistakes: int,
) -> str:
    """One line. `away`: models whose folder is out of reach. `refused`: with mistakes in their tables.

    `mistake` is why the last reload was refused, the first of several.
    """
    others = f"（ほかに誤り{more_mistakes:,}件）" if more_mistakes > 0 else ""
    reload = "設定の再読み込みに失敗したため、以前の設定で動作中"
    wrong = [
        f"【ジャーナルの障害】{journal.what.removesuffix('。')}" if journal else "",
        f"【設定の誤りで停止中のモデル】{listing(refused)}" if refused else "",
        f"【フォルダーに接続できないモデル】{listing(away)}" if away else "",
        f"【{reload}】{mistake.what.removesuffix('。')}{others}" if mistake else "",
    ]
    well = f"監視中のモデル{models:,}件、うち保留中{held:,}件、処理中のジョブ{jobs:,}件"
    return "／".join([*filter(None, wrong), well])


# The journal


def journal_unusable(path: Place, why: Said) -> Words:
    return Words(f"ジャーナル{path}を使用できません。{why.what}", why.remedy)


def database_error(reason: Name) -> Words:
    return Words(
        f"データベースのエラーが発生しました（{said_by_system(reason)}）。",
        "ジャーナルのあるディスクの空き容量を増やすか、ディスクの障害を取り除いてください。その後、retraindが"
        "自動的に処理を再開します。データは失われません。",
    )


def journal_damaged(reason: Name) -> Words:
    return Words(
        f"ジャーナルが壊れているか、ジャーナルではないファイルです（{said_by_system(reason)}）。",
        f"retraindのジャーナルであることを確認できた場合は、{run('rebuild')}",
        operator_only=True,
    )


def journal_locked(reason: Name) -> Words:
    return Words(
        f"ほかのプログラムがジャーナルをロックしています（{said_by_system(reason)}）。",
        "そのプログラムを終了してください。どのプログラムかは、fuserコマンドで確認できます。",
    )


def journal_gone() -> Words:
    return Words(
        "ジャーナルのファイルが削除されたか、置き換えられました。",
        "retraindを起動し直してください。ジョブのフォルダーをもとに、ジャーナルが最新の状態に復元されます。",
    )


def journal_lost(damage: Name) -> Words:
    """Found while the daemon runs."""
    return Words(
        f"ジャーナルが壊れています（{said_by_system(damage)}）。",
        "retraindを起動し直してください。ジョブのフォルダーをもとに、ジャーナルが作り直されます。",
    )


def journal_folder_missing(path: Place, why: Said) -> Words:
    return Words(
        f"ジャーナルのフォルダー{path}を作成できません。{why.what}",
        "retraindの実行ユーザーが使用できるフォルダーを作成するか、state.urlを設定してください。",
    )


def journal_of_another_user(path: Place, denied: Place, owner: Name | None = None) -> Words:
    """`denied` is what the user cannot open: the journal, its lock or its folder; `owner` is whose it is."""
    return Words(
        f"現在のユーザーに{denied}の読み書きの権限がないため、ジャーナル{path}を使用できません。",
        "retraindの実行ユーザーとしてコマンドを実行してください。"
        f"例：sudo -u {owner or 'retraind'} {command('status')}",
        operator_only=True,
    )


def program_closed_to_owner(path: Place, program: Place) -> Words:
    return Words(
        f"retraindはジャーナル{path}の所有者として実行する必要がありますが、所有者に{program}のプログラムを"
        "読み取る権限がありません。",
        "docs/install.mdの手順に従い、すべてのユーザーが読み取れる場所にインストールしてください。",
    )


def journal_in_use(path: Place, process: int) -> Words:
    """`process` is 0 where it is not known."""
    who = f"（プロセスID：{process}）" if process else "（プロセスIDは不明）"
    return Words(
        f"別のretraind{who}が、ジャーナル{path}を使用しています。",
        "先にそのretraindを停止するか、state.urlでこのretraind専用のジャーナルを指定してください。",
    )


def journal_in_older_use(path: Place, process: int) -> Words:
    """`process` is 0 where it is not known."""
    who = f"（プロセスID：{process}）" if process else "（プロセスIDは不明）"
    return Words(
        f"ジャーナル{path}は以前のバージョンのretraindで作成されており、そのretraind{who}がまだ使用しています。",
        "サービスを再起動してください（「systemctl restart retraind」を実行します）。ジャーナルは起動時に更新されます。",
    )


def journal_of_another_program(path: Place) -> Words:
    return Words(
        f"{path}には、ジャーナルのものではないテーブルがあるため、ほかのプログラムのファイルと思われます。",
        "state.urlに、ジャーナル専用のファイルを指定してください。",
    )


def journal_too_new(
    path: Place, schema: Name, version: Name | None = None, backup: Place | None = None
) -> Words:
    """`version` has brought the journal to its schema; `backup` is the journal before that."""
    writer = f"（バージョン{version}、スキーマ{schema}）" if version else f"（スキーマ{schema}）"
    return Words(
        f"ジャーナル{path}は、より新しいバージョンのretraindで作成されているため{writer}、使用できません。",
        "そのバージョンをインストールし直してください。または、retraindを停止し、更新前のジャーナルを復元してください："
        f"{command('journal restore', str(backup) if backup else 'BACKUP')}",
        operator_only=True,
    )


def journal_not_backed_up(path: Place, folder: Place, why: Said) -> Words:
    return Words(
        f"ジャーナル{path}は以前のバージョンのretraindで作成されているため、更新する必要がありますが、更新前のバック"
        f"アップを{folder}に作成できません。{why.what}",
        why.remedy,
    )


def job_folders_unreadable(why: Said) -> Words:
    """`why` names the folder."""
    return Words(
        "ジョブのフォルダーを読み取れないため、読み取れるようになるまで新しいデータを取り込みません。"
        f"{why.what}",
        why.remedy,
    )


def folders_not_ours(path: Place, folders: int, stopped: bool) -> Words:
    """Folders without a valid job.json. `stopped`: there are so many that the rest was not read."""
    rest = "数が多いため、残りは読み込んでいません。" if stopped else ""
    again = "、retraindを起動し直してください" if stopped else "てください"
    return Words(
        f"{path}に、retraindのものではないフォルダーが{folders:,}件あります。{rest}",
        f"retraindのものではないフォルダーを別の場所に移動し{again}。",
    )
