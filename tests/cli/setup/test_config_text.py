"""The text of a configuration after an edit: what was there stays, byte by byte, or nothing is edited."""

import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retraind.cli.setup.config_text import NotEditable, with_base_url, with_model, without_model

PARTS = (
    "# The configuration of the shop.\n",
    '[sweep] # often\ninterval = "5s"\n',
    "# Prices, each month\n[models.price]\ndrop = '/srv/drop/price' # there\n# settle = \"5s\"\n",
    '[models.price.expect]\n# the fifth\nevery = "month"\n',
    '[models."even"]\ndrop = "/e"\ngate = """\n[models.churn]\n"""\n',
    "[[tables]]\nx = [\n  1,\n]\n",
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.permutations(PARTS[1:]), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_what_is_added_and_removed_again_leaves_no_trace(parts, head, ending):
    text = (PARTS[0] if head else "") + "\n".join(parts)
    text = text.replace("\n", ending)
    added = with_model(text, "churn", {"drop": "/srv/drop/churn", "credential": "churn"})
    assert added.startswith(text.rstrip())
    assert tomllib.loads(added.replace("\r\n", "\n"))["models"]["churn"]["drop"] == "/srv/drop/churn"
    assert ("\n" in added.replace("\r\n", "")) == (ending == "\n")
    assert without_model(added, "churn").rstrip() == text.rstrip()


def test_the_remarks_of_a_removed_table_go_and_those_of_the_next_one_stay():
    before = '# mine\n\n[models.price]\ndrop = "/p"\n# settle = "5s"\n\n# about churn\n[models.churn]\ndrop = "/c"\n'
    assert without_model(before, "price") == '# mine\n\n# about churn\n[models.churn]\ndrop = "/c"\n'
    assert without_model(before, "churn") == '# mine\n\n[models.price]\ndrop = "/p"\n# settle = "5s"\n'


def test_the_address_of_the_service_goes_into_the_table_that_is_there():
    assert with_base_url('[api] # far\ntimeout = "5s"\n', "https://x") == (
        '[api] # far\nbase_url = "https://x"\ntimeout = "5s"\n'
    )
    assert with_base_url("", "https://x") == '[api]\nbase_url = "https://x"\n'


@pytest.mark.parametrize(
    "text",
    [
        'models = { churn = { drop = "/c" }, price = { drop = "/p" } }\n',
        'models.churn.drop = "/c"\nmodels.price.drop = "/p"\n',
        '[models]\nchurn = { drop = "/c" }\nprice = { drop = "/p" }\n',
        '[models.churn]\ndrop = """\n[models.price]\n"""\n[models]\nprice.drop = "/p"\n',
    ],
)
def test_what_cannot_be_cut_out_is_left_to_a_person(text):
    with pytest.raises(NotEditable):
        without_model(text, "price")


@pytest.mark.parametrize("text", ["models = {}\n", 'models = { price = { drop = "/p" } }\n'])
def test_what_cannot_be_added_to_is_left_to_a_person(text):
    with pytest.raises(NotEditable, match=r"\[models.churn\]"):
        with_model(text, "churn", {"drop": "/c"})


@pytest.mark.parametrize("name", ["a b", 'q"uote', "x]", "ünder"])
def test_any_name_and_path_can_be_written(name):
    path = '/srv/"x"\\ \t\x7f\u2028顧客'
    assert tomllib.loads(with_model("", name, {"drop": path})) == {"models": {name: {"drop": path}}}
