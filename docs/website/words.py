"""What the generated pages say beside the messages themselves, in each language."""

from collections.abc import Mapping
from typing import NamedTuple

from retraind.report.wording.catalogue import Entry


class Labels(NamedTuple):
    """The words of the page of troubleshooting."""

    title: str
    introduction: str
    cause: str
    severity: str
    """Of a rule, in brackets."""
    service: str
    seen: str
    remedy: str
    operator: str
    others: str


LABELS: Mapping[str, Labels] = {
    "en": Labels(
        title="Troubleshooting by message",
        introduction=(
            "`STATUS.txt`, `RESULT.txt`, `ERROR.txt`, notifications, `retraind show` and `retraind preflight` "
            "name the code of each message at its end, such as `(code: ragged-rows)`; `report.json` has it as "
            "`code` or `rule`. This page explains each code. The address of an explanation is that of this page, "
            "then `#` and the code.\n\n"
            "Names, lines and counts in the messages are examples. On the share, paths and commands of "
            "retraind's machine are left out.\n"
        ),
        cause="Cause:",
        severity=" ({})",
        service="The service calls it:",
        seen="What you see, and why:",
        remedy="What to do:",
        operator="What the operator does:",
        others="Also seen as:",
    ),
    "ja": Labels(
        title="メッセージ別の対処方法",
        introduction=(
            "`STATUS.txt`、`RESULT.txt`、`ERROR.txt`、通知、`retraind show`、および`retraind preflight`では、"
            "各メッセージの末尾に"
            "`（コード：ragged-rows）`の形でコードが付きます。`report.json`では、`code`または`rule`に入っています。"
            "このページでは、コードごとに原因と対処方法を説明します。各項目のアドレスは、このページのアドレスに"
            "`#`とコードを付けたものです。\n\n"
            "メッセージ内の名前、行、件数は例です。共有フォルダー上のメッセージでは、retraindのマシンのパスや"
            "コマンドは表示されません。\n"
        ),
        cause="原因：",
        severity="（{}）",
        service="サービスでの表示：",
        seen="表示されるメッセージ：",
        remedy="対処方法：",
        operator="運用担当者の対処方法：",
        others="次のように表示される場合もあります。",
    ),
}


class Group(NamedTuple):
    """Messages about one thing."""

    name: str
    modules: tuple[str, ...]
    """Of the wording; a name ending in a dot stands for all below it."""
    words: Mapping[str, tuple[str, str, str]]
    """By language: the heading, what these messages are about, and what to do where a message names nothing."""

    def has(self, entry: Entry) -> bool:
        """Return whether a message belongs here."""
        return any(
            entry.module.startswith(each) if each.endswith(".") else entry.module == each
            for each in self.modules
        )


_CHECK_EN = "Correct the data at its source and deliver it again."
_CHECK_JA = "元のデータを修正して、投入し直してください。"
GROUPS: tuple[Group, ...] = (
    Group(
        "files-as-text",
        ("findings.text", "findings.encodings"),
        {
            "en": (
                "The file as text",
                "The file is not a table in text, or its character encoding is not one that the service reads.",
                "Nothing; this is for information.",
            ),
            "ja": (
                "ファイル形式と文字エンコード",
                "ファイルがテキスト形式の表ではない場合や、サービスの対象外の文字エンコードである場合に、"
                "これらのメッセージが表示されます。",
                "対応は不要です。",
            ),
        },
    ),
    Group(
        "table",
        ("findings.table", "findings.causes"),
        {
            "en": (
                "The table",
                "Header, rows and delimiters: the export writes something above, beside or below the table, or "
                "rows of different widths.",
                _CHECK_EN,
            ),
            "ja": (
                "表の形",
                "項目名の行、データの行、区切り文字に問題がある場合に、これらのメッセージが表示されます。表の上、横、"
                "または下に余分な内容が出力されている場合や、行によって項目数が異なる場合などです。",
                _CHECK_JA,
            ),
        },
    ),
    Group(
        "columns",
        ("findings.columns", "findings.damage"),
        {
            "en": (
                "Values in columns",
                "The service would read values of a column differently from what is meant.",
                _CHECK_EN,
            ),
            "ja": (
                "項目の値",
                "項目の値を、サービスが意図とは異なる形で読み取るおそれがある場合に、これらのメッセージが表示されます。",
                _CHECK_JA,
            ),
        },
    ),
    Group(
        "target",
        ("findings.target",),
        {
            "en": (
                "The target and its classes",
                "The column that the model predicts is missing, empty, or does not suit the type of prediction.",
                _CHECK_EN,
            ),
            "ja": (
                "予測したい項目と分類ラベル",
                "予測したい項目がない場合、値が空の場合、または予測タイプに合わない場合に、これらのメッセージが"
                "表示されます。",
                _CHECK_JA,
            ),
        },
    ),
    Group(
        "series",
        ("findings.series",),
        {
            "en": (
                "Time series",
                "The times of a model in time-series prediction mode: missing, duplicate, unsorted or irregular.",
                _CHECK_EN,
            ),
            "ja": (
                "時系列データ",
                "時系列予測モードのモデルで、時刻が欠けている場合、重複している場合、並んでいない場合、または間隔が"
                "一定でない場合に、これらのメッセージが表示されます。",
                _CHECK_JA,
            ),
        },
    ),
    Group(
        "comparison",
        ("findings.comparison",),
        {
            "en": (
                "Compared with other files",
                "The training and the evaluation data differ, or the delivery differs from the model's last one.",
                _CHECK_EN,
            ),
            "ja": (
                "ほかのファイルとの比較",
                "学習用データと評価用データの内容が異なる場合や、前回の投入データと内容が異なる場合に、これらの"
                "メッセージが表示されます。",
                _CHECK_JA,
            ),
        },
    ),
    Group(
        "drop-folder",
        ("intake", "screens.status"),
        {
            "en": (
                "In the drop folder",
                "What retraind sees in a drop folder and does not take in, or not yet; `STATUS.txt` lists it.",
                "Nothing while files are still being written. If it lasts, deliver the files again, under names "
                "that `STATUS.txt` gives as examples.",
            ),
            "ja": (
                "投入フォルダーの状態",
                "投入フォルダーに、取り込まないファイルや、まだ取り込めないファイルがある場合に表示されます。"
                "`STATUS.txt`で確認できます。",
                "ファイルの書き込み中は、対応は不要です。状態が変わらない場合は、`STATUS.txt`の例に合わせた名前で、"
                "ファイルを投入し直してください。",
            ),
        },
    ),
    Group(
        "manifests",
        ("manifests",),
        {
            "en": (
                "Manifests and checksums",
                "A manifest or a list of checksums cannot be read, or does not match the files. See "
                "[manifests](handoff.md#manifest).",
                "Nothing while the manifest or the files are still being written. If it lasts, write both again.",
            ),
            "ja": (
                "マニフェストとチェックサム",
                "マニフェストまたはチェックサムの一覧を読み取れない場合や、内容がファイルと一致しない場合に表示されます。"
                "[マニフェスト](handoff.md#manifest)をご確認ください。",
                "書き込み中は、対応は不要です。状態が変わらない場合は、マニフェストとファイルを作成し直してください。",
            ),
        },
    ),
    Group(
        "jobs",
        ("jobs", "notes"),
        {
            "en": (
                "Jobs: check, upload, training, switch",
                "What keeps a job from continuing, and how it ended.",
                "Nothing; retraind continues automatically.",
            ),
            "ja": (
                "ジョブ：検査、アップロード、学習、モデルの切り替え",
                "ジョブを続行できない場合や、ジョブが終了した場合に表示されます。",
                "対応は不要です。retraindが自動的に処理を続けます。",
            ),
        },
    ),
    Group(
        "uploads",
        ("uploads",),
        {
            "en": (
                "When uploads begin",
                "An upload waits for its window, or `upload_window` or `upload_rate` has a mistake.",
                "Nothing; the upload begins when the window opens.",
            ),
            "ja": (
                "アップロードの時間帯",
                "アップロードの時間帯を待っている場合や、`upload_window`または`upload_rate`の設定に誤りがある場合に"
                "表示されます。",
                "対応は不要です。時間帯になると、自動的にアップロードします。",
            ),
        },
    ),
    Group(
        "late",
        ("expecting",),
        {
            "en": (
                "Deliveries that do not come",
                "A delivery is late by the model's `expect` table, or that table has a mistake.",
                "Deliver the data.",
            ),
            "ja": (
                "届いていない投入データ",
                "モデルの設定（`expect`）で決めた期限までに投入データが届いていない場合や、その設定に誤りがある場合に"
                "表示されます。",
                "データを投入してください。",
            ),
        },
    ),
    Group(
        "keys",
        ("credentials",),
        {
            "en": (
                "API keys",
                "The model's API key is missing, wrong or about to expire. Only the operator can renew it; what "
                "has been dropped is kept.",
                "Nothing; retraind tries again automatically.",
            ),
            "ja": (
                "APIキー",
                "モデルのAPIキーがない場合、正しくない場合、または有効期限が近い場合に表示されます。更新できるのは"
                "運用担当者だけです。投入済みのデータは失われません。",
                "対応は不要です。retraindが自動的に再試行します。",
            ),
        },
    ),
    Group(
        "service",
        ("api",),
        {
            "en": (
                "The network and the service",
                "A request to the service or to its object store failed. Nothing is lost meanwhile.",
                "Nothing at first: retraind tries again automatically. If it lasts, check the network, the name "
                "resolution, the proxy and the firewall between this machine and the host that is named.",
            ),
            "ja": (
                "ネットワークとサービス",
                "サービスまたはファイルの保存先（オブジェクトストア）へのリクエストに失敗した場合に表示されます。"
                "その間も、投入済みのデータは失われません。",
                "まずは対応不要です。retraindが自動的に再試行します。状態が続く場合は、retraindのマシンから、表示された"
                "ホストまでのネットワーク、名前解決、プロキシ、ファイアウォールをご確認ください。",
            ),
        },
    ),
    Group(
        "file-systems",
        ("common",),
        {
            "en": (
                "File systems",
                "A disk or a share answered with an error.",
                "Nothing at first: retraind tries again automatically. If it lasts, check the file system.",
            ),
            "ja": (
                "ファイルシステム",
                "ディスクまたは共有フォルダーで、ファイルの操作に失敗した場合に表示されます。",
                "まずは対応不要です。retraindが自動的に再試行します。状態が続く場合は、ファイルシステムをご確認ください。",
            ),
        },
    ),
    Group(
        "configuration",
        ("config",),
        {
            "en": (
                "The configuration",
                "`retraind check`, a start or a reload found a mistake. The message names file and setting; see "
                "the *reference*<!-- page: configuration -->.",
                "Correct the setting that the message names, then run `retraind check`.",
            ),
            "ja": (
                "設定",
                "`retraind check`、起動、または設定の再読み込みで、設定の誤りが見つかった場合に表示されます。"
                "メッセージに、設定ファイルと設定項目が示されます。設定を変更できるのは運用担当者だけです。",
                "運用担当者が、メッセージに示された設定を修正し、`retraind check`を実行してください。",
            ),
        },
    ),
    Group(
        "process",
        ("daemon", "screens.process"),
        {
            "en": (
                "retraind itself and its journal",
                "How the service is doing: why it stopped, what limits it, what is wrong with its journal.",
                "Nothing; this is for information.",
            ),
            "ja": (
                "retraindの動作とジャーナル",
                "retraindの停止の理由、処理の上限、ジャーナル（処理の記録）の問題などを知らせるメッセージです。",
                "対応は不要です。",
            ),
        },
    ),
    Group(
        "notifications",
        ("notifications",),
        {
            "en": (
                "Notifications",
                "A notification could not be sent.",
                "Nothing at first: it is sent again. If it lasts, check the recipient.",
            ),
            "ja": (
                "通知",
                "通知を送信できない場合に表示されます。",
                "まずは対応不要です。自動的に再送します。状態が続く場合は、通知先をご確認ください。",
            ),
        },
    ),
    Group(
        "commands",
        ("screens.", "page."),
        {
            "en": (
                "Commands and the status page",
                "What commands on retraind's machine report, and the status page when it cannot be shown.",
                "Nothing; this is for information.",
            ),
            "ja": (
                "コマンドと状況ページ",
                "retraindのマシンでコマンドを実行したときに、運用担当者に表示されるメッセージです。コマンドの表示は"
                "英語だけのため、英語で記載しています。",
                "対応は不要です。",
            ),
        },
    ),
)
"""The parts of the page, in their order; a message belongs to the first that has it."""
