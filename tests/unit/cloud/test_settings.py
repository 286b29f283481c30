"""What the environment may say."""

from pathlib import Path

import pytest

from cloud.errors import SettingsInvalid
from cloud.settings import DatabaseSettings, Settings

GOOD_KEY = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in ("SECRET_KEY", "TEZGAH_DATABASE_URL", "TEZGAH_DATA_DIR", "TEZGAH_LOG_LEVEL", "TEZGAH_CORS_ORIGINS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "it is not set"),
        ("", "it is not set"),
        ("short", "5 characters, at least 32"),
        ("x" * 31, "31 characters"),
        ("change-me-" + "x" * 40, "an example's key"),
    ],
)
def test_the_service_has_no_settings_without_a_secret_key_of_its_own(monkeypatch, key, reason):
    if key is not None:
        monkeypatch.setenv("SECRET_KEY", key)
    with pytest.raises(SettingsInvalid, match=reason) as caught:
        Settings.from_environment(env_file=None)
    assert not key or key not in str(caught.value)


def test_the_example_file_does_not_start_the_service(monkeypatch):
    example = Path(__file__).parents[3] / ".env.example"
    assert "SECRET_KEY=" in example.read_text(encoding="utf-8")
    with pytest.raises(SettingsInvalid, match="SECRET_KEY"):
        Settings.from_environment(env_file=example)


def test_the_environment_wins_over_the_file(monkeypatch, tmp_path):
    file = tmp_path / ".env"
    file.write_text(f"SECRET_KEY={GOOD_KEY}\nTEZGAH_LOG_LEVEL=DEBUG\nTEZGAH_DATABASE_URL=postgresql://a/b\n")
    monkeypatch.setenv("TEZGAH_LOG_LEVEL", "ERROR")
    settings = Settings.from_environment(env_file=file)
    assert settings.log_level == "ERROR"
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://a/b"


def test_every_mistake_is_named_by_its_variable_and_no_value_is_shown(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "too-short-secret")
    monkeypatch.setenv("TEZGAH_DATABASE_URL", "mysql://user:geheim@host/db")
    with pytest.raises(SettingsInvalid) as caught:
        Settings.from_environment(env_file=None)
    message = str(caught.value)
    assert "SECRET_KEY" in message
    assert "TEZGAH_DATABASE_URL" in message
    assert "geheim" not in message
    assert "too-short-secret" not in message


def test_origins_are_separated_by_commas_and_none_by_default(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)
    assert Settings.from_environment(env_file=None).cors_origins == ()
    monkeypatch.setenv("TEZGAH_CORS_ORIGINS", "https://a.example, https://b.example")
    assert Settings.from_environment(env_file=None).cors_origins == ("https://a.example", "https://b.example")


def test_a_command_needs_no_secret_key():
    assert DatabaseSettings.from_environment(env_file=None).database_url is None


def test_a_secret_does_not_show_when_settings_are_printed():
    settings = Settings(_env_file=None, secret_key=GOOD_KEY, database_url="postgresql://u:geheim@h/d")
    assert GOOD_KEY not in repr(settings)
    assert "geheim" not in repr(settings)


S3 = {"TEZGAH_S3_ENDPOINT": "http://s3.test", "TEZGAH_S3_BUCKET": "photos", "TEZGAH_S3_ACCESS_KEY": "a"}
S3["TEZGAH_S3_SECRET_KEY"] = "geheim-geheim"


@pytest.mark.parametrize("missing", S3)
def test_a_store_of_photos_is_named_whole_or_not_at_all(monkeypatch, missing):
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)
    for name, value in S3.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_environment(env_file=None).s3_bucket == "photos"
    monkeypatch.delenv(missing)
    with pytest.raises(SettingsInvalid, match=f"TEZGAH_S3_SECRET_KEY: .*not set: {missing}") as caught:
        Settings.from_environment(env_file=None)
    assert "geheim" not in str(caught.value)
    for name in S3:
        monkeypatch.delenv(name, raising=False)
    assert Settings.from_environment(env_file=None).s3_endpoint is None
