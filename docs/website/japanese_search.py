"""Search in Japanese, which has no spaces between words: by pairs of characters, in the index and in queries.

A query of two characters or more finds whatever contains its pairs, wherever words begin and end.
"""

import re

from sphinx.search import SearchLanguage

_RUN = re.compile(r"[A-Za-z0-9_]+|[\u3040-\u30ff\u3400-\u9fff\uff66-\uff9d々ー]+")


def pairs(text: str) -> list[str]:
    """Return the terms of a text: words of Latin letters, and pairs of Japanese characters."""
    found = []
    for run in _RUN.findall(text.lower()):
        if run.isascii() or len(run) == 1:
            found.append(run)
        else:
            found += [run[at : at + 2] for at in range(len(run) - 1)]
    return found


class JapanesePairs(SearchLanguage):
    """Takes the place of Sphinx's own Japanese, whose index has words that its queries are not cut into."""

    lang = "ja"
    language_name = "Japanese"
    js_splitter_code = """
function splitQuery(query) {
  const found = [];
  const runs = query.toLowerCase().match(/[a-z0-9_]+|[\\u3040-\\u30ff\\u3400-\\u9fff\\uff66-\\uff9d々ー]+/g);
  for (const run of runs || []) {
    if (run.length === 1 || /^[a-z0-9_]+$/.test(run)) found.push(run);
    else for (let at = 0; at < run.length - 1; at++) found.push(run.slice(at, at + 2));
  }
  return found;
}
"""

    def split(self, input: str) -> list[str]:  # noqa: A002 - Sphinx calls it so
        """Return the terms of a text."""
        return pairs(input)
