"""Requests: the network, the service's answers, and the object store's."""

from datetime import datetime
from http import HTTPStatus
from typing import Literal

from retraind.domain.failures import Party
from retraind.report.wording.ja._parts import (
    by_operator,
    http_status,
    in_its_place,
    listing,
    moment,
    run,
    saying,
    whom,
)
from retraind.report.wording.ja._reasons import said_by_system
from retraind.report.wording.words import Audience, Host, Name, Place, Said, Words

# The network: why a request gets no answer, and where requests may go

_TLS = (
    "社内プロキシなどがTLS通信を検査している場合は、そのプロキシの証明書をapi.ca_bundleに指定してください。"
)
_REACHES = {
    "private": "プライベートネットワーク内のアドレス",
    "loopback": "retraindのマシン自身のアドレス（ループバック）",
    "closed": "リンクローカル、マルチキャスト、または未指定のアドレス",
}


_SETTING = "api.proxy"


def proxy_address_unusable(
    party: Party, host: Host, source: Name | None = None, *, socks: bool = False
) -> Words:
    """`source` is api.proxy, or the environment variable; `socks` says that PySocks is missing."""
    why = "SOCKSに必要なPySocksがインストールされていないため、" if socks else ""
    named = f"{_source(source)}に指定された、" if source else ""
    correct = f"{_source(source)}を修正" if source else "api.proxyまたはプロキシを指定する環境変数を修正"
    if source and source != _SETTING:
        correct = f"retraindの{correct}するか、優先されるapi.proxyにプロキシを指定"
    install = (
        "「pip install PySocks」を実行するか、http://で始まるプロキシを使用してください。または、"
        if socks
        else ""
    )
    return Words(
        f"{why}{named}{whom(party, host)}への経路にあるプロキシのアドレスを使用できません。",
        f"{install}{correct}してください。その後、retraindを再起動してください。",
        operator_only=True,
    )


def _source(source: str) -> str:
    return source if source == _SETTING else f"環境変数{source}"


def proxy_failed(party: Party, host: Host) -> str:
    return f"{whom(party, host)}への経路にあるプロキシに接続できないか、接続を拒否されました。"


def proxy_refused(party: Party, host: Host, status: int) -> Words:
    return Words(
        f"{whom(party, host)}への経路にあるプロキシが{http_status(status)}を返したため、接続できません。",
        "この状態が続く場合は、このマシンから接続先への通信を許可するよう、"
        "プロキシの管理者に依頼してください。",
        operator_only=True,
    )


def proxy_requires_authentication(party: Party, host: Host, status: int, schemes: tuple[Name, ...]) -> Words:
    """`schemes` are the ways to authenticate that the proxy offers, as far as they are known."""
    offered = f"。プロキシが対応している認証方式：{listing(schemes)}" if schemes else ""
    basic = any(scheme.lower() == "basic" for scheme in schemes)
    login = "プロキシのユーザー名とパスワードを、http://user:password@proxy:3128のようにapi.proxyに指定してください。"
    other = (
        "retraindはNTLM認証とNegotiate（Kerberos）認証に対応していません。このマシンを認証なしで許可するよう"
        "プロキシを設定するか、CntlmやPxなど代わりに認証を行うプログラムを起動し、そのアドレスをapi.proxyに"
        "指定してください。"
    )
    remedy = login if basic else other if schemes else f"{login}{other}"
    return Words(
        f"{whom(party, host)}への経路にあるプロキシが認証を求めているため、接続できません"
        f"（{http_status(status)}{offered}）。",
        remedy,
        operator_only=True,
    )


def certificate_not_trusted(party: Party, host: Host) -> Words:
    return Words(
        f"{whom(party, host)}のTLS証明書を検証できないため、接続できません。", _TLS, operator_only=True
    )


def certificates_unreadable(party: Party, host: Host, file: Place, reason: str) -> Words:
    """`file` is that of api.ca_bundle."""
    return Words(
        f"{file}を読み取れないため（{said_by_system(reason)}）、{whom(party, host)}とのTLS接続を確立できません。",
        "api.ca_bundleのファイルの読み取りをretraindの実行ユーザーに許可するか、マウントを修正してください。",
        operator_only=True,
    )


def tls_failed(party: Party, host: Host) -> Words:
    return Words(f"{whom(party, host)}とのTLS接続を確立できません。", _TLS, operator_only=True)


def name_not_resolved(party: Party, host: Host) -> str:
    return f"{whom(party, host)}のホスト名を解決できないため、接続できません。"


def connection_refused(party: Party, host: Host) -> str:
    return f"{whom(party, host)}への接続が拒否されました。"


def no_route(party: Party, host: Host) -> str:
    return f"{whom(party, host)}への経路がネットワーク上にないため、接続できません。"


def connect_timed_out(party: Party, host: Host) -> str:
    return f"{whom(party, host)}への接続がタイムアウトしました。"


def connection_stalled(party: Party, host: Host) -> str:
    return f"長時間応答がないか、応答が遅すぎるため、{whom(party, host)}との通信がタイムアウトしました。"


def response_endless(party: Party, host: Host) -> str:
    return f"{whom(party, host)}からの応答が終わりません。"


def response_not_decompressed(party: Party, host: Host) -> str:
    return f"{whom(party, host)}からの応答を展開（解凍）できません。"


def address_unusable(party: Party, host: Host) -> str:
    return f"{whom(party, host)}のアドレスを使用できません。"


def connection_lost(
    party: Party, host: Host, received: int | None = None, expected: int | None = None
) -> str:
    """`received` and `expected` are the bytes of the response, where they are known."""
    known = received is not None and expected is not None
    progress = f"（{expected:,}バイトのうち{received:,}バイトを受信）" if known else ""
    return f"{whom(party, host)}との接続が途中で切断されました{progress}。"


def request_failed(party: Party, host: Host, kind: Name) -> str:
    """`kind` is the library's name for the error."""
    return f"{whom(party, host)}へのリクエストに失敗しました（{kind}）。"


def host_failing(host: Host, since: datetime, last: Said) -> Words:
    return Words(
        f"{moment(since)}から{host}の障害が続いています。復旧するまで、retraindが時間をおいて再接続を"
        "試みます。"
        f"直近のエラー：{last.what}",
        last.remedy,
    )


def address_not_allowed(
    host: Host,
    purpose: Literal["upload", "results"],
    reach: Literal["private", "loopback", "closed"] | None,
    allow: Name,
    job: str,
) -> Words:
    """`reach` is where the address leads, None for one without https; `allow` is for allow_hosts."""
    what = {"upload": "アップロード先", "results": "結果ファイルの取得先"}[purpose]
    why = f"base_urlの接続先とは異なる{_REACHES[reach]}" if reach else "base_urlと異なりhttpsを使用しないURL"
    return Words(
        f"サービスから指定された{what}（{host}）は、{why}であり、許可されていません。このため、"
        "何も送信していません。",
        f'サービスがこのホストを使用することを確認できた場合は、[api]のallow_hostsに"{allow}"を追加して、'
        "retraindを再起動してください。retraindも数時間おきに再試行します。すぐに再試行する場合は、"
        f"{run('release', job)}",
        operator_only=True,
    )


def keys_unencrypted(host: Host) -> Words:
    return Words(
        f"http://{host}には、APIキーとデータが暗号化されずに送信されます。",
        "サービスが対応している場合は、https://に変更してください。",
    )


def data_unencrypted(host: Host) -> Words:
    """`host` is an entry of allow_hosts."""
    return Words(
        f"{host}には、データが暗号化されずに送信される場合があります。",
        "接続先がhttpsに対応している場合は、http://を付けずにホスト名を書いてください。",
    )


# The service


def _again(audience: Audience, model: str) -> str:
    now = by_operator(audience, "release", model, noun="モデル")
    return f"retraindは6時間おきに再試行します。対処後すぐに再試行するには、{now}"


def _retrain(audience: Audience, job: str) -> str:
    return f"同じデータで学習し直すには、{by_operator(audience, 'retry', job)}"


# The vendor's error table


def key_unknown() -> str:
    return "サービスにAPIキーが登録されていません。"


def key_inactive() -> str:
    return "APIキーが間違っているか、有効期限が切れているというエラーが、サービスから返されました。"


def key_wrong() -> str:
    return "APIキーが間違っているというエラーが、サービスから返されました。"


def account_deleted() -> Words:
    return Words(
        "アカウントが削除された可能性があるというエラーが、サービスから返されました。",
        "サービスの画面で、アカウントが存在するかどうかをご確認ください。",
    )


def model_deleted(model: str, audience: Audience) -> Words:
    return Words(
        "モデルが削除された可能性があるというエラーが、サービスから返されました。",
        f"サービスの画面で、モデルが存在するかどうかをご確認ください。{_again(audience, model)}",
    )


def retrain_job_deleted(job: str, audience: Audience) -> Words:
    return Words(
        "再学習ジョブが削除された可能性があるというエラーが、サービスから返されました。",
        _retrain(audience, job),
    )


def retrain_job_unknown(job: str, audience: Audience) -> Words:
    return Words("サービスに再学習ジョブが見つかりません。", _retrain(audience, job))


def published_model_missing(job: str, audience: Audience) -> Words:
    return Words(
        "公開済のモデルのAPIが存在しないため、新しいモデルを公開できません。学習そのものは成功しています。",
        "サービスの画面でモデルをもう一度公開してください。その後、新しいモデルを公開するには、"
        + by_operator(audience, "retry", job),
    )


def retrain_job_not_finished() -> str:
    return "再学習がまだ完了していないというエラーが、サービスから返されました。"


def model_id_required(model: str, audience: Audience) -> Words:
    return Words(
        "モデルのIDが指定されていないため、サービスに受け付けられません。",
        f"retraindの設定にmodel_idを追加してください。{_again(audience, model)}",
    )


def model_configuration_missing(model: str, audience: Audience) -> Words:
    return Words(
        "サービスにモデルの設定ファイルが残っていません。",
        "サービスの画面でモデルをご確認いただくか、サービスのサポート窓口にお問い合わせください。"
        f"{_again(audience, model)}",
    )


# Other answers


def error_returned(party: Party, host: Host, status: int, error_code: Name | None, said: Name | None) -> str:
    """`error_code` is the object store's, `said` the service's message."""
    return f"{whom(party, host)}が{http_status(status, error_code)}を返しました{saying(said)}。"


def redirect_returned(party: Party, host: Host, status: int) -> Words:
    return Words(
        f"{whom(party, host)}がリダイレクト（{http_status(status)}）を返しました。retraindはリダイレクト先に"
        "接続しません。",
        in_its_place(party),
    )


def web_page_returned(party: Party, host: Host) -> Words:
    return Words(f"{whom(party, host)}が、データではなくWebページを返しました。", in_its_place(party))


def request_refused(host: Host, status: int, said: Name | None) -> Words:
    return Words(
        f"サービス（{host}）が{http_status(status)}を返してリクエストを拒否しました{saying(said)}。",
        "この状態が続く場合は、APIキーを新しいものに置き換えてください。また、サービスの代わりにプロキシや"
        "ファイアウォールが応答していないかをご確認ください。",
    )


def response_unexplained(host: Host, status: int, said: Name | None) -> Words:
    return Words(
        f"サービス（{host}）が、マニュアルに説明のない{http_status(status)}を返しました{saying(said)}。",
        "この状態が続く場合は、api.base_urlの設定とサービスからのお知らせを確認し、"
        "サービスの代わりにプロキシが"
        "応答していないかをご確認ください。",
    )


def response_too_long(host: Host, most: int) -> Words:
    return Words(
        f"サービス（{host}）からの応答が{most:,}バイトを超えています。マニュアルにはない長さの応答です。",
        in_its_place(Party.SERVICE),
    )


def response_empty(host: Host) -> Words:
    return Words(f"サービス（{host}）からの応答が空です。", in_its_place(Party.SERVICE))


def response_incomplete(host: Host) -> Words:
    return Words(
        f"サービス（{host}）からの応答が途中で切れているか、マニュアルに記載された項目が足りません。",
        in_its_place(Party.SERVICE),
    )


def response_not_json(host: Host) -> Words:
    return Words(f"サービス（{host}）からの応答がJSON形式ではありません。", in_its_place(Party.SERVICE))


def upload_address_missing(host: Host) -> Words:
    return Words(
        f"サービス（{host}）からの応答に、使用できるアップロード先のURLがありません。",
        in_its_place(Party.SERVICE),
    )


def retrain_job_id_unusable(host: Host) -> Words:
    return Words(
        f"サービス（{host}）からの応答に、使用できる再学習ジョブIDがありません。",
        in_its_place(Party.SERVICE),
    )


def other_retrain_job_answered(host: Host) -> Words:
    return Words(
        f"サービス（{host}）からの応答が、問い合わせたものとは別の再学習ジョブに関するものです。",
        in_its_place(Party.SERVICE),
    )


def key_echoed(host: Host) -> Words:
    return Words(
        f"サービス（{host}）からの応答で、名前またはURLの位置にAPIキーが入っています。",
        in_its_place(Party.SERVICE),
    )


# The object store: uploads and results


def upload_address_refused(host: Host, status: int, error_code: Name | None) -> str:
    """`error_code` is the object store's own."""
    return (
        f"オブジェクトストア（{host}）が{http_status(status, error_code)}を返し、アップロードを拒否しました。"
    )


def page_in_place_of_store(host: Host, status: int, source: Name | None) -> Words:
    """`source` is api.proxy, or the environment variable that names a proxy on the way."""
    who = f"{_source(source)}に指定されたプロキシ" if source else "経路上のプロキシまたはファイアウォール"
    large = (
        "サイズの大きいデータの通過を制限しているようです。"
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        else ""
    )
    name = "" if source else "使用すべきプロキシの場合は、api.proxyに指定してください。"
    return Words(
        f"オブジェクトストア（{host}）からの応答の代わりに、{who}からWebページ（{http_status(status)}）が"
        f"返されました。{large}",
        "このホストとの間のアップロードと結果ファイルの通信を許可するよう、その管理者に依頼してください。"
        f"{name}",
        operator_only=True,
    )


def response_before_upload_end(host: Host) -> Words:
    return Words(
        f"オブジェクトストア（{host}）が、ファイル全体を受信する前に応答を返しました。",
        in_its_place(Party.STORE),
    )


def bundle_shrank(bundle: Name, host: Host) -> Words:
    return Words(
        f"送信中に送信用ファイル{bundle}が短くなったため、オブジェクトストア（{host}）にはその一部しか"
        "届いていません。",
        "送信用ファイルのフォルダーに書き込んでいる、ほかのプログラムがないかをご確認ください。",
        operator_only=True,
    )


def results_address_expired() -> str:
    return "サービスから指定された結果ファイルのダウンロードURLの有効期限が切れています。"


def results_refused(host: Host, status: int, error_code: Name, job: str, audience: Audience) -> Words:
    return Words(
        f"オブジェクトストア（{host}）が{http_status(status, error_code)}を返したため、"
        "結果ファイルを取得できません。",
        "まず再試行し、再び発生する場合はサービスのサポート窓口にお問い合わせください。再試行するには、"
        f"{by_operator(audience, 'retry', job)}",
    )


def results_incomplete(host: Host, received: int) -> str:
    if not received:
        return f"オブジェクトストア（{host}）から取得した結果ファイルが空です。"
    return f"オブジェクトストア（{host}）から取得した結果ファイルは、途中で切れたZIPファイルです（{received:,}バイト）。"


def results_too_long(most: int) -> Words:
    return Words(
        f"結果ファイルが{most:,}バイトを超えているため、取得しませんでした。学習そのものは成功しています。",
        "サービスの画面からダウンロードしてください。",
    )
