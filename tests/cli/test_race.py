import json

from etabli.pipelines.race import Recipe, timing

TINY = Recipe(layers="5x4s2 3x4p", epochs=1, batch_size=200, ema_decay=0.5)


def test_a_race_prints_its_table_and_json(etabli, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "_measure_compilation", lambda *_: (2.0, 0.5))
    (tmp_path / "recipe.json").write_text(TINY.model_dump_json())
    words = ("race", "mnist", "--data", "sample", "--seeds", 1, "--recipe", "recipe.json")
    result = etabli(*words)
    assert result.code == 0
    assert "not evaluated" in result.out
    assert list(tmp_path.glob("runs/race-mnist-sample-*/race.md"))
    again = etabli(*words, "--json")  # without another training
    assert json.loads(again.out)["recipe"]["layers"] == TINY.layers


def test_a_missing_recipe_gets_one_sentence(etabli):
    result = etabli("race", "mnist", "--recipe", "nowhere.json")
    assert result.code == 3
    assert "there is no recipe nowhere.json" in result.err
