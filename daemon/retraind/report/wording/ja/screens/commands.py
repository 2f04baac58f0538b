"""What `retraind preflight` prints, which checks data for those who deliver it."""

from retraind.report.wording.words import Name


def preflight_file(name: Name, rows: int, columns: int, encoding: str, size: int) -> str:
    return f"{name}：{rows:,}行、{columns:,}項目、{encoding}、{size:,}バイト"


def preflight_finding(error: bool, text: str) -> str:
    """`error`: the data would not be sent."""
    return f"【{'エラー' if error else '警告'}】{text}"


def preflight_result(ok: bool) -> str:
    return (
        "サービスで読み込むことができるデータです。"
        if ok
        else "サービスのルールに違反しているため、このデータは送信できません。"
    )
