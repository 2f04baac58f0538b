"""What `retraind preflight` prints, which checks data for those who deliver it."""

from retraind.report.wording.words import Name

_ENCODINGS = {
    "utf-8-sig": "UTF-8（BOMあり）",
    "utf-8": "UTF-8（BOMなし）",
    "shift_jis": "Shift_JIS",
    "ascii": "ASCII",
    "unknown": "文字エンコード不明",
}


def preflight_file(name: Name, rows: int, columns: int, encoding: str, size: int) -> str:
    return f"{name}：{rows:,}行、{columns:,}項目、{_ENCODINGS.get(encoding, encoding)}、{size:,}バイト"


def preflight_finding(error: bool, text: str) -> str:
    """`error`: the data would not be sent."""
    return f"【{'エラー' if error else '警告'}】{text}"


def preflight_result(ok: bool) -> str:
    return (
        "サービスで読み込むことができるデータです。"
        if ok
        else "サービスのルールに違反しているため、このデータは送信できません。"
    )
