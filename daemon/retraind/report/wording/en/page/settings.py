"""Mistakes in the table of the status page."""

from retraind.report.wording.words import Words


def listen_unreadable() -> Words:
    return Words(
        "This is not an address to listen on.",
        'Write host and port, such as "127.0.0.1:8087", or a Unix socket, such as '
        '"unix:/run/retraind/page.sock".',
        operator_only=True,
    )


def prefix_unreadable() -> Words:
    return Words(
        "This is not a path.",
        'Write, for example, "/retraind", without a slash at the end.',
        operator_only=True,
    )


def header_unreadable() -> Words:
    return Words("This is not the name of a header.", 'Write, for example, "X-Remote-User".')


def trusted_unreadable() -> Words:
    return Words(
        "This is neither an address nor a network.",
        'Write, for example, "127.0.0.1" or "10.1.2.0/24", or "unix" for a Unix socket.',
    )


def page_host_unreadable() -> Words:
    return Words("This is not a host.", 'Write it without a port, such as "retraind.example.com".')


def page_header_from_anybody() -> Words:
    return Words(
        "Anybody could send this header and name themselves.",
        "List in page.user_header_from the addresses of the reverse proxy that sets it.",
    )


def page_open_to_anybody() -> Words:
    return Words(
        "Other machines can reach this address, and nothing says who may see the page.",
        "Set page.token_file or page.user_header, or listen on 127.0.0.1.",
    )
