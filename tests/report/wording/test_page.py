"""The words of the status page for what the journal's history has."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from retraind.report.wording import Health, Voice
from retraind.report.wording.catalogue import LANGUAGES

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def events_of_the_history() -> list[str]:
    """Return the events that the documents place in the history."""
    _, _, after = OPERATIONS.read_text("utf-8").partition("## Log and history events")
    return re.findall(r"^\| `(\w+)` \| (?:both|history)", after, flags=re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_event_of_the_history_has_words_of_its_own(language):
    voice = Voice(language=language)
    events = events_of_the_history()
    assert len(events) > 40
    plain = {event for event in events if voice.label("page_event", event=event) == event.replace("_", " ")}
    assert plain == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_state_of_a_model_has_a_word_of_its_own(language):
    labels = [Voice(language=language).label("page_health", health=health) for health in Health]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("size", "told"),
    [(0, "0 bytes"), (1, "1 byte"), (1_023, "1,023 bytes"), (1_024, "1.0 KiB"), (150_000, "146 KiB"),
     (3 << 20, "3.0 MiB"), (20 << 30, "20.0 GiB"), (5 << 40, "5,120 GiB")],
)  # fmt: skip
def test_sizes_have_the_unit_that_fits(size, told):
    assert Voice().label("page_size", bytes=size) == told


def test_what_is_to_be_said_of_a_wait_names_since_when():
    text = Voice().label("page_is_training", key="2026-11", lasted=timedelta(hours=2, minutes=5))
    assert text == "2026-11 has been training for 2 h 5 min."
