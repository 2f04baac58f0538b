"""The entries of a job's history, in a few words each."""

from collections.abc import Mapping

from retraind.report.wording.words import Host, Name

_EVENTS: Mapping[str, str] = {
    "delivery_complete": "投入データがそろいました",
    "delivery_sealed": "取り込みました",
    "delivery_returned": "ファイルがまだ書き込み中のため、投入フォルダーに戻しました",
    "delivery_superseded": "より新しい投入データを使用します",
    "data_checked": "データの検査に合格しました",
    "duplicate_found": "同じファイルで学習済みです",
    "training_taken_over": "以前のジョブの学習結果を待っています",
    "job_continued": "後のジョブがこの学習を引き継ぎました",
    "note_renewed": "引き継ぎ先を結果のファイルに記録しました",
    "bundle_built": "送信用ファイルを作成しました",
    "bundle_missing": "送信用ファイルがなくなったため、作り直します",
    "retrain_job_registered": "再学習ジョブがサービスに登録されました",
    "registration_dropped": "別の再学習ジョブを登録します",
    "upload_started": "アップロードを開始しました",
    "upload_complete": "アップロードが完了しました",
    "upload_found_complete": "中断したアップロードは、完了していました",
    "status_seen": "サービスから再学習状況が返されました",
    "training_prevented": "アカウントの上限により、学習できません",
    "training_finished": "学習が完了しました",
    "switch_decided": "モデルの公開が決まりました",
    "switch_left_to_owner": "公開は担当者に任されています",
    "gate_passed": "判定プログラムがモデルを承認しました",
    "gate_refused": "判定プログラムがモデルを承認しませんでした",
    "gate_not_asked": "判定プログラムは実行されませんでした",
    "results_fetched_again": "結果ファイルをもう一度取得しました",
    "switch_asked": "担当者がモデルの公開を指示しました",
    "model_switched": "モデルを公開しました",
    "switch_failed": "モデルを公開できませんでした",
    "switch_unclear": "モデルが公開されたかどうか不明です",
    "job_failed": "失敗しました",
    "job_filed": "ファイルを保管しました",
    "retry_asked": "担当者が再試行を指示しました",
    "job_restored": "処理を再開しました",
    "restore_impossible": "処理を再開できません",
    "retry": "処理を再試行します",
    "job_stuck": "長い間、処理が進んでいません",
    "job_moves": "処理が再び進み始めました",
    "held": "保留しました",
    "released": "保留が解除されました",
    "job_adopted": "フォルダーからジョブを読み込み直しました",
    "model_refused": "モデルの設定に誤りがあります",
    "model_held": "モデルを保留しました",
    "model_released": "モデルの保留が解除されました",
    "hold_tried": "再試行のため、保留を解除しました",
    "hold_goes_on": "保留を続けます",
    "model_adopted": "別の名前のモデルのジョブを引き継ぎました",
    "host_down": "接続先に障害が発生しています",
    "host_back": "接続先が復旧しました",
    "host_still_down": "接続先の障害が続いています",
    "host_try_asked": "担当者が接続先への再試行を指示しました",
    "folder_accepted": "担当者が別の投入フォルダーの使用を承認しました",
    "rebuild_asked": "担当者がジャーナルの再構築を指示しました",
    "folder_away": "投入フォルダーに接続できません",
    "folder_reassigned": "投入フォルダーが別のモデルのものでした",
    "not_taken_in": "投入フォルダーに、対応が必要なファイルがあります",
    "waits_in_folder": "投入フォルダーで待機中のファイルを記録しました",
    "waits_for_deletion": "削除の対象となるジョブを記録しました",
    "journal_mended": "ジャーナルを修復しました",
    "expectation": "投入データの到着が遅れています",
    "expectation_began": "投入データの到着予定の監視を開始しました",
    "snoozed": "投入データの到着予定の監視を一時停止しました",
    "key_seen": "新しいAPIキーを使用しています",
    "key_warning": "APIキーへの対応が必要です",
}
_OVER: Mapping[str, str] = {
    "model_refused": "モデルの設定の誤りが修正されました",
    "folder_away": "投入フォルダーに再び接続できるようになりました",
    "not_taken_in": "投入フォルダーに、対応が必要なファイルはなくなりました",
    "expectation": "投入データの到着の遅れが解消しました",
    "key_warning": "APIキーへの対応は不要になりました",
}
"""The same where what was wrong is over."""


def page_event(event: str, host: Host | None = None, *, over: bool = False) -> str:
    """`event` is a name of docs/operations.md; one of a newer retraind is shown as it is.

    `over`: it says of nothing that it is wrong.
    """
    said = (_OVER.get(event) if over else None) or _EVENTS.get(event) or event.replace("_", " ")
    return f"{said}（{host}）" if host else said


def person(name: Name, uid: int, sudo_user: Name | None, host: Host) -> str:
    """Who ran a command. `sudo_user` is who called sudo, as the environment says."""
    sudo = f"、sudo実行者：{sudo_user}" if sudo_user else ""
    return f"{name}（ユーザーID：{uid}{sudo}、ホスト：{host}）"
