"""Story Direction becomes scenes, one per paragraph."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.production.story import MOST_SCENES, NARRATION_MAX, Scene, StoryError, scenes_of


def test_each_paragraph_is_a_scene_and_its_text_the_narration() -> None:
    assert scenes_of("The squid rises.\nIt glows.\n\nIt sinks.") == [
        Scene(position=1, narration="The squid rises. It glows."),
        Scene(position=2, narration="It sinks."),
    ]


def test_without_an_empty_line_each_line_is_a_scene() -> None:
    assert [scene.narration for scene in scenes_of("One.\nTwo.\nThree.")] == [
        "One.",
        "Two.",
        "Three.",
    ]


@pytest.mark.parametrize("blank", ["\n", "\n\n"])
def test_lines_with_a_name_override_what_the_style_makes(blank: str) -> None:
    story = (
        f"The squid rises.\nImage: a giant eye\nMOTION : slow zoom\nsound: bubbles{blank}It sinks."
    )
    first, second = scenes_of(story)
    assert first == Scene(
        position=1,
        narration="The squid rises.",
        image="a giant eye",
        motion="slow zoom",
        sound="bubbles",
    )
    assert second == Scene(position=2, narration="It sinks.")


@pytest.mark.parametrize("story", [None, "", "  \n \t\n "])
def test_no_story_says_what_to_write(story: str | None) -> None:
    with pytest.raises(StoryError, match="write one paragraph per scene"):
        scenes_of(story)


def test_too_many_paragraphs_are_refused_with_their_number() -> None:
    story = "\n\n".join(f"Scene {number}." for number in range(40))
    with pytest.raises(StoryError, match=f"40 paragraphs.*at most {MOST_SCENES}"):
        scenes_of(story)
    assert len(scenes_of(story, most=40)) == 40


def test_a_scene_without_a_word_to_speak_is_named() -> None:
    with pytest.raises(StoryError, match="Scene 2 of Story Direction has no text to speak"):
        scenes_of("One.\n\nImage: an eye\n\nThree.")


def test_a_scene_that_is_too_long_is_named() -> None:
    with pytest.raises(StoryError, match="Scene 1 of Story Direction has 2,001 characters"):
        scenes_of("x" * (NARRATION_MAX + 1))


@given(st.text(alphabet="ab:\n\r\t imageIMAGEsound\u2028", max_size=200))
def test_whatever_is_written_becomes_scenes_or_one_sentence(story: str) -> None:
    try:
        scenes = scenes_of(story, most=10_000)
    except StoryError as error:
        sentence = str(error)
        scenes = []
    else:
        sentence = "."
    assert sentence.endswith((".", "it."))
    assert [scene.position for scene in scenes] == list(range(1, len(scenes) + 1))
    assert all(scene.narration and "\n" not in scene.narration for scene in scenes)
