"""What keeps a job from continuing, and how it ends."""

import shlex
from datetime import datetime, timedelta

from retraind.report.wording.ja._parts import by_operator, command, moment, named, run, shell, span
from retraind.report.wording.ja._reasons import said_by_system
from retraind.report.wording.words import Audience, Name, Place, Said, Words


def model_not_configured(model: str, heir: str | None) -> Words:
    """`heir` is the model that has the drop folder now."""
    remedy = (
        f"モデルの名前が{named(heir)}に変わった場合は、「{command('adopt', model, heir)}」を実行してください。"
        f"変わっていない場合は、{named(heir)}に別の投入フォルダーを指定し、{named(model)}のテーブルを元に戻して"
        "から、設定を再読み込みしてください。"
        if heir
        else "投入データの処理を続けるには、テーブルを元に戻し、設定を再読み込みしてください。モデルの名前を"
        f"変更した場合は、{run('adopt', model, 'NAME')}"
    )
    return Words(f"設定ファイルに、モデル{named(model)}がなくなっています。", remedy, operator_only=True)


def budget_used_up(trainings: int, period: str, ends: datetime, job: str, audience: Audience) -> Words:
    per = {"day": "1日", "week": "1週間", "month": "1か月", "year": "1年"}.get(period, period)
    return Words(
        f"学習の回数が上限（{per}に{trainings:,}回）に達したため、データを送信せずに待っています。",
        f"{moment(ends)}に自動的に再開します。今すぐ送信するには、{by_operator(audience, 'release', job)}",
    )


def uploads_keep_failing(registrations: int, last: Said | None, job: str, audience: Audience) -> Words:
    error = f"最後のエラー：{last.what}" if last else ""
    return Words(
        f"再学習ジョブを{registrations:,}回登録しましたが、いずれもアップロードに失敗しました。{error}",
        "オブジェクトストアへのアップロードが、プロキシやファイアウォールで遮断されていないかをご確認ください。"
        f"retraindは1日に1回、自動的に再試行します。今すぐ再試行するには、{by_operator(audience, 'release', job)}",
    )


def fresh_address_refused(why: Said) -> Words:
    return Words(
        why.what,
        "発行されたばかりのアップロード先が拒否されています。マシンの時計が合っているか、プロキシがリクエストを"
        "書き換えていないかをご確認ください。",
    )


def file_changed_before_upload(file: Name) -> Words:
    return Words(f"送信の直前に{named(file)}の内容が変更されたため、送信できません。")


def retrain_job_not_new(finished: bool) -> Words:
    """`finished`: the service reports a finished training; else the retrain job is another delivery's."""
    known = "すでに学習が完了している" if finished else "別の投入データに使われている"
    return Words(
        f"サービスがこの投入データに割り当てた再学習ジョブは、{known}ものです。データは送信していません。",
        "この状態が続く場合は、サービスのサポート窓口にお問い合わせください。",
    )


def retrain_job_forgotten() -> Words:
    return Words("アップロードは完了していますが、サービスに再学習ジョブが見つかりません。")


def training_failed(
    status: Name, message: Name | None, of_the_data: bool, job: str, audience: Audience
) -> Words:
    """`of_the_data`: the service's message is one of those that it documents for data."""
    reason = f"、メッセージ：「{message}」" if message else ""
    retry = by_operator(audience, "retry", job)
    return Words(
        f"サービスで学習に失敗しました（再学習状況：「{status}」{reason}）。",
        f"データを修正して投入し直してください。同じデータで再試行するには、{retry}"
        if of_the_data
        else "サービス側に原因がある可能性があるため、まず再試行してください。再び失敗した場合は、データをご確認の"
        f"うえ、サービスのサポート窓口にお問い合わせください。再試行するには、{retry}",
    )


def account_storage_full(message: Name, model: str, audience: Audience) -> Words:
    remedy = "サービスの画面で、不要なデータを削除してください。"
    return _account_limit("アカウントのデータ保存容量が上限に達している", message, remedy, model, audience)


def account_models_full(message: Name, model: str, audience: Audience) -> Words:
    remedy = "サービスの画面で、不要なモデルを削除してください。"
    return _account_limit("アカウントのモデル数が上限に達している", message, remedy, model, audience)


def account_time_used(message: Name, model: str, audience: Audience) -> Words:
    remedy = "契約プランを変更するか、計算時間がリセットされるまでお待ちください。"
    return _account_limit("アカウントの計算時間が上限に達している", message, remedy, model, audience)


def _account_limit(limit: str, message: str, remedy: str, model: str, audience: Audience) -> Words:
    """Say that the account, and not the data, is why the service did not train."""
    return Words(
        f"{limit}ため、サービスで学習できませんでした（「{message}」）。データに問題はなく、失われることも"
        "ありません。retraindは1日に1回、自動的に再送します。",
        f"{remedy}対処後すぐに再開するには、{by_operator(audience, 'release', model, noun='モデル')}",
    )


def training_unfinished(timeout: timedelta, status: Name, job: str, audience: Audience) -> Words:
    return Words(
        f"{span(timeout)}以内に学習が完了しませんでした。サービスの再学習状況は「{status}」のままです。",
        "同じファイルを投入し直すと、データを再送せずに、同じ学習の完了を引き続き待ちます。投入し直さずに待つには、"
        f"{by_operator(audience, 'retry', job)}",
    )


def results_not_named(status: Name) -> Words:
    return Words(
        f"サービスの再学習状況は「{status}」ですが、結果ファイルのダウンロードURLが含まれていません。"
    )


def results_never_came(timeout: timedelta, why: Said, job: str, audience: Audience) -> Words:
    return Words(
        f"学習は成功しましたが、{span(timeout)}以内に結果ファイルを取得できませんでした。{why.what}",
        "サービスのサポート窓口にお問い合わせください。結果ファイルをもう一度取得するには、"
        f"{by_operator(audience, 'retry', job)}",
    )


def filing_folder_missing(path: Place) -> Words:
    return Words(
        f"ジョブの保管先である{path}が見つかりません。このフォルダーは、現在のモデルの設定では使用していません。",
        "共有フォルダーをマウントしてください。共有フォルダーを廃止した場合は、同じ場所に空のフォルダーを作成"
        "してください。",
        operator_only=True,
    )


def earlier_drop_unreachable(path: Place, reason: Name, folder: str, drop: Place) -> Words:
    """`folder` is the job's own, below the drop folder that the model had when the delivery was taken in."""
    return Words(
        f"この投入データの取り込み元であり、現在はモデルの投入フォルダーではない{path}を読み取れません"
        f"（{said_by_system(reason)}）。",
        f"共有フォルダーをマウントするか、その中の{named(folder)}フォルダーを{drop}に移動してください。",
        operator_only=True,
    )


def data_breaks_rules(
    job: str, accept: tuple[str, ...] = (), *, paired: bool = True, audience: Audience
) -> Words:
    """`accept` are the rules to accept for the data to be sent as it is; none where it cannot be."""
    options = [part for rule in accept for part in ("--accept", rule)]
    retry = by_operator(audience, "retry", job, *options)
    send = f"データに誤りがなく、このまま送信する場合は、{retry}" if accept else ""
    return Words(
        "データがサービスのルールに違反しているため、送信していません。",
        f"出力元でデータを修正し、{'両方のファイル' if paired else 'ファイル'}を投入し直してください。{send}",
    )


def nothing_to_retry(flaws: tuple[Said, ...]) -> Words:
    return Words(
        f"{''.join(flaw.what for flaw in flaws)}そのため、再試行できません。",
        "投入フォルダーにファイルを投入し直してください。",
    )


def failed_file_missing(file: Name, folder: Name) -> Words:
    return Words(f"{named(folder)}に{named(file)}がありません。")


def failed_file_refused(file: Name, why: Said) -> Words:
    return Words(f"{named(file)}：{why.what}")


def training_file_missing() -> Words:
    return Words("学習用データのファイルがありません。")


def evaluation_file_missing() -> Words:
    return Words("評価用データのファイルがありません。")


def earlier_not_published(
    earlier: str, why: Said | None, training_is_good: bool, audience: Audience
) -> Words:
    """`training_is_good`: the failed step can be repeated; otherwise the data has to be trained again."""
    reason = why.what if why else ""
    wish, verb = ("公開する", "switch") if training_is_good else ("同じデータでもう一度学習する", "retry")
    return Words(
        f"先に投入されたこれらのファイルでジョブ{named(earlier)}が学習したモデルは、公開できませんでした。{reason}",
        f"{wish}には、{by_operator(audience, verb, earlier)}",
    )


def sent_before(earlier: str, why: Said | None) -> Words:
    """A finding: the bytes of a failed job were delivered again."""
    reason = why.what if why else ""
    return Words(
        f"これらのファイルは、失敗したジョブ{named(earlier)}で一度送信しています。{reason}改めて学習するため、再送"
        "しました。"
    )


def not_given_back(others_returned: bool) -> Words:
    """A delivery whose files cannot all go back to the drop folder, since newer ones are there."""
    back = "ほかのファイルは、投入フォルダーに戻しました。" if others_returned else ""
    return Words(
        "取り込んだ時点でファイルの書き込みが続いており、その後、同じ名前の新しいファイルが投入フォルダーに届いた"
        f"ため、このファイルを投入フォルダーに戻せません。{back}",
        "新しいファイルが正しいデータであれば、自動的に取り込まれるため、対応は不要です。今後は、一時的な名前で"
        "書き込みを終えてからファイル名を変更するか、settleの値を大きくしてください。",
    )


def switch_by_hand() -> Words:
    return Words("モデルの切り替えは、担当者が行う設定（switch = manual）になっています。")


def switch_unclear(why: Said, job: str, audience: Audience) -> Words:
    return Words(
        f"新しいモデルが公開されたかどうかを確認できていません。{why.what}",
        "公開されているモデルを、サービスの画面でご確認ください。新しいモデルをもう一度公開するには、"
        + by_operator(audience, "switch", job),
    )


def earlier_switch_unclear(last: Said) -> Words:
    return Words(
        f"以前の切り替えで、サービスから明確な応答が得られませんでした。最後の試行：{last.what}", last.remedy
    )


def later_switch_failed(why: Said, again: bool, job: str, audience: Audience) -> Words:
    """`again`: the training is still good, so the switch can be asked for again."""
    switch = by_operator(audience, "switch", job)
    remedy = (
        f"サービスの画面で原因を取り除いてください。その後、モデルを公開するには、{switch}" if again else ""
    )
    return Words(f"その後のモデルの切り替えに失敗しました。{why.what}", remedy)


def gate_not_asked(why: Said) -> Words:
    return Words(f"{why.what}そのため、判定プログラムを実行せず、モデルも切り替えませんでした。")


def file_differs_from_trained(file: Name) -> Words:
    return Words(f"ジョブのフォルダーにある{named(file)}の内容が、学習に使用したものと異なります。")


def results_not_recorded() -> Words:
    return Words("サービスから受け取った結果ファイルの記録がありません。")


def results_changed() -> Words:
    return Words("ジョブのフォルダーにある結果ファイルの内容が、サービスから受け取ったものと異なります。")


def results_not_fetched(why: Said) -> Words:
    return Words(
        "ジョブのフォルダーにある結果ファイルがサービスのものであることを確認できず、もう一度取得することもできま"
        f"せん。{why.what}"
    )


_NOT_SWITCHED = "モデルを切り替えませんでした"


def gate_not_started(command: Name, reason: Name) -> Words:
    return Words(
        f"判定プログラム{named(command)}を起動できなかったため（{said_by_system(reason)}）、{_NOT_SWITCHED}。"
    )


def gate_unusable(command: Name, why: Said) -> Words:
    """`why` is what is wrong with the gate's file."""
    return Words(
        f"判定プログラム{named(command)}を実行できなかったため、{_NOT_SWITCHED}。{why.what}", why.remedy
    )


def gate_program_missing(program: Name) -> Words:
    return Words(
        f"{named(program)}は、このユーザーが実行できるプログラムではありません。",
        "パスを修正するか、retraindの実行ユーザーに実行を許可してください。",
    )


def gate_not_executable(path: Place) -> Words:
    return Words(
        f"このユーザーに、{path}を実行する権限がありません。",
        "ファイルシステムが「noexec」でマウントされていないかをご確認のうえ、"
        f"{shell(f'chmod +x {shlex.quote(path)}')}",
        operator_only=True,
    )


def gate_script_missing(path: Place) -> Words:
    return Words(f"{path}がありません。", "パスを修正してください。", operator_only=True)


def gate_with_carriage_returns(path: Place) -> Words:
    return Words(
        f"{path}の改行がWindowsの形式（CR LF）であるため、1行目に指定されたインタープリターが見つかりません。",
        shell(f"sed -i 's/\\r$//' {shlex.quote(path)}"),
        operator_only=True,
    )


def gate_begins_with_mark(path: Place) -> Words:
    return Words(
        f"{path}の先頭にBOMがあるため、「#!」で始まる1行目が認識されません。",
        "UTF-8（BOMなし）で保存してください。",
        operator_only=True,
    )


def gate_without_interpreter(path: Place) -> Words:
    return Words(
        f"{path}の1行目が「#!」とプログラムのパスで始まっていないため、スクリプトを実行するインタープリターが"
        "分かりません。",
        "1行目に「#!/bin/sh」のように書くか、設定のgateで、スクリプトの前にインタープリターを指定してください。",
        operator_only=True,
    )


def gate_interpreter_missing(path: Place, interpreter: Place) -> Words:
    """`interpreter` is as the first line of the script names it: a path, or a name for env."""
    return Words(
        f"{path}の1行目に指定されたインタープリター（{interpreter}）は、このユーザーが実行できるプログラムでは"
        "ありません。",
        "インタープリターをインストールするか、1行目を修正してください。",
        operator_only=True,
    )


def gate_timed_out(timeout: timedelta) -> Words:
    return Words(f"判定プログラムが{span(timeout)}以内に応答しなかったため、{_NOT_SWITCHED}。")


def gate_killed(signal: str) -> Words:
    return Words(f"判定プログラムが、判定を終える前にシグナル{signal}で強制終了されたため、{_NOT_SWITCHED}。")


def gate_refused(exit_code: int) -> Words:
    return Words(f"判定プログラムが承認しなかったため（終了コード{exit_code}）、{_NOT_SWITCHED}。")


def file_changed_at_gate(file: Name) -> Words:
    return Words(
        f"判定プログラムの実行中に{named(file)}の内容が変更されたため、判定を無効とし、{_NOT_SWITCHED}。"
    )


def address_locked_under_old_key() -> Words:
    return Words("APIキーが置き換えられたため、以前のキーで暗号化されたアップロード先のURLを復号できません。")


def internal_error(kind: Name) -> Words:
    return Words(
        f"retraindの内部エラーが発生しました（{kind}）。",
        "ログのトレースを添えて、開発元に報告してください。",
    )
