"""Settings come from file, environment and flags, and every refusal names who said it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lagmark.errors import ConfigError
from lagmark.wiring import home_directory, load_settings

FLAGS = {"domain": "handbook", "events": Path("payments.parquet")}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "SEED", "DOMAIN", "EVENTS", "MODELS", "FOLDS"):
        monkeypatch.delenv(f"LAGMARK_{name}", raising=False)


def run_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    return path


def test_flags_beat_the_environment_which_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run_file(tmp_path, "domain: card\nevents: a.csv\nseed: 1\nfolds: 2\ntrain_days: 30\n")
    monkeypatch.setenv("LAGMARK_SEED", "2")
    monkeypatch.setenv("LAGMARK_FOLDS", "3")
    settings = load_settings(path, {"folds": 4, "home": None})
    assert (settings.train_days, settings.seed, settings.folds) == (30, 2, 4)
    assert settings.home == Path(".lagmark")
    assert settings.domain == "card"


def test_lists_from_text_and_from_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAGMARK_MODELS", "xgboost, random_forest")
    kinds = load_settings(None, FLAGS).models
    assert kinds is not None
    assert [one.kind for one in kinds] == ["xgboost", "random_forest"]
    monkeypatch.delenv("LAGMARK_MODELS")
    path = run_file(tmp_path, "models:\n- kind: xgboost\n  name: deep\n  params: {max_depth: 9}\n")
    (deep,) = load_settings(path, FLAGS).models or ()
    assert (deep.name, deep.params) == ("deep", {"max_depth": 9})


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("sed: 1\n", "run.yaml", "no setting 'sed'"),
        ("seed: many\n", "run.yaml: seed", "valid integer"),
        ("models: [{kind: xgboost, depth: 3}]\n", "run.yaml: models.0.depth", "no such setting"),
        ("folds: 0\n", "run.yaml: folds", "greater than or equal to 1"),
        ("- a\n- b\n", "run.yaml", "no mapping"),
        ("a: [1\n", "run.yaml", "no YAML, line"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(
    tmp_path: Path, text: str, where: str, what: str
) -> None:
    path = run_file(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, FLAGS)
    assert where in caught.value.where
    assert what in caught.value.what
    assert caught.value.hint


def test_a_wrong_variable_or_flag_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {**FLAGS, "alert_share": 2.0})
    assert caught.value.where == "--alert-share"
    monkeypatch.setenv("LAGMARK_SEED", "-1")
    with pytest.raises(ConfigError) as caught:
        load_settings(None, FLAGS)
    assert caught.value.where == "environment variable LAGMARK_SEED"


def test_what_is_missing_says_how_to_give_it() -> None:
    with pytest.raises(ConfigError, match="no events given") as caught:
        load_settings(None, {"domain": "card"})
    assert "--events" in caught.value.hint
    assert "LAGMARK_EVENTS" in caught.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "none.yaml", FLAGS)


def test_home_of_the_small_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    assert home_directory() == Path(".lagmark")
    monkeypatch.setenv("LAGMARK_HOME", "kept")
    assert home_directory() == Path("kept")
    assert home_directory(Path("mine")) == Path("mine")
