"""What people write as the story of a video."""

from __future__ import annotations

from simulation.world.world import World


def a_story(world: World) -> str:
    """One to three scenes, one of which may be another than last time."""
    rng = world.rng
    scenes = [f"Scene {n} as it was at first." for n in range(1, rng.choice([1, 1, 2, 2, 3]) + 1)]
    if rng.random() < 0.6:
        world.stories += 1
        scenes[rng.randrange(len(scenes))] = f"Another scene {world.stories}."
    if rng.random() < 0.04:
        return ""
    return "\n\n".join(scenes)
