"""Mistakes in the table of the status page."""

from retraind.report.wording.words import Words


def listen_unreadable() -> Words:
    return Words(
        "待ち受けるアドレスとして読み取れません。",
        '"127.0.0.1:8087"のようなホストとポート番号、'
        'または"unix:/run/retraind/page.sock"のようなUnixソケットを'
        "指定してください。",
        operator_only=True,
    )


def prefix_unreadable() -> Words:
    return Words(
        "パスとして読み取れません。",
        '"/retraind"のように、末尾にスラッシュを付けずに書いてください。',
        operator_only=True,
    )


def header_unreadable() -> Words:
    return Words("ヘッダーの名前として読み取れません。", '"X-Remote-User"のように書いてください。')


def trusted_unreadable() -> Words:
    return Words(
        "アドレスとしてもネットワークとしても読み取れません。",
        '"127.0.0.1"や"10.1.2.0/24"のように書くか、Unixソケットの場合は"unix"と書いてください。',
    )


def page_host_unreadable() -> Words:
    return Words(
        "ホスト名として読み取れません。",
        '"retraind.example.com"のように、ポート番号を付けずに書いてください。',
    )


def page_header_from_anybody() -> Words:
    return Words(
        "誰でもこのヘッダーを送信でき、ほかのユーザーになりすますおそれがあります。",
        "このヘッダーを設定するリバースプロキシのアドレスを、page.user_header_fromに書いてください。",
    )


def page_open_to_anybody() -> Words:
    return Words(
        "このアドレスにはほかのマシンからも接続できますが、ページを閲覧できる人が制限されていません。",
        "page.token_fileまたはpage.user_headerを設定するか、127.0.0.1で待ち受けてください。",
    )
