"""Small real files: PNG, MP4 and MP3."""
