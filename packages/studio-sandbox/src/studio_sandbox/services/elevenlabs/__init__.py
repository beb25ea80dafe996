"""ElevenLabs: speech and sound effects.

Source: elevenlabs.io/docs (API reference, errors, models) and help.elevenlabs.io.
"""
