"""What the files of a systemd unit say."""

from pathlib import Path

from retraind.system.service.units import Unit, read_unit


def test_of_a_unit_and_its_drop_ins_the_last_word_counts(tmp_path):
    etc, lib = tmp_path / "etc", tmp_path / "lib"
    for place in (etc, lib):
        (place / "retraind.service.d").mkdir(parents=True)
    (lib / "retraind.service").write_text("[Service]\nUser=other\n")
    (etc / "retraind.service").write_text(
        "[Service]\nUser = retraind\n#LoadCredential=no:/no\nLoadCredential=churn:/etc/keys/churn\n"
        "LoadCredentialEncrypted=price:/etc/keys/price.cred\n"
    )
    (lib / "retraind.service.d" / "10.conf").write_text("[Service]\nLoadCredential=gone:/keys/gone\n")
    (etc / "retraind.service.d" / "10.conf").write_text("[Service]\nLoadCredential=\\\nmore:/keys/more\n")
    assert read_unit(places=(etc, lib)) == Unit(
        True,
        "retraind",
        (
            ("churn", Path("/etc/keys/churn")),
            ("price", Path("/etc/keys/price.cred")),
            ("more", Path("/keys/more")),
        ),
        frozenset({"price"}),
    )
    (etc / "retraind.service.d" / "20.conf").write_text("[Service]\nLoadCredential=\nLoadCredential=a:/b\n")
    unit = read_unit(places=(etc, lib))
    assert unit.source("churn") is None
    assert (unit.source("a"), unit.source("price")) == (Path("/b"), Path("/etc/keys/price.cred"))


def test_without_a_unit_nothing_is_known(tmp_path):
    assert read_unit(places=(tmp_path / "gone",)) == Unit()


def test_the_units_of_this_repository_are_understood(tmp_path):
    shipped = Path(__file__).parents[3] / "systemd" / "retraind.service"
    (tmp_path / "retraind.service").write_bytes(shipped.read_bytes())
    assert read_unit(places=(tmp_path,)) == Unit(True, "retraind")
