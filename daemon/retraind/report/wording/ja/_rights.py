"""Parts of sentences about who may read or change a file."""

import shlex

from retraind.report.wording.words import Name, Place


def who(group: Name | None, user: Name | None) -> str:
    """Say who has a right that only retraind should have. Both are empty where the name is hidden."""
    if user is not None:
        return f"ユーザー{user}" if user else "別のユーザー"
    if group is not None:
        return f"グループ{group}" if group else "retraindのものではないグループ"
    return "このマシンのほかのユーザー"


def without(
    right: str,
    path: Place,
    whose: tuple[Name | None, Name | None],
    file_system: Name | None,
    otherwise: str,
) -> str:
    """Say how to take a right away, r or w, or what to do otherwise."""
    if file_system is not None:
        return (
            f"アクセス権はマウント（{file_system}）によって決まるため、マウントオプションを修正するか、"
            f"{otherwise}。"
        )
    group, user = whose
    if user is not None:
        return f"「sudo setfacl -b {shlex.quote(path)}」を実行するか、{otherwise}。"
    of, bits = "o" if group is None else "g", "=" if right == "r" else "-w"
    return f"「sudo chmod {of}{bits} {shlex.quote(path)}」を実行するか、{otherwise}。"
