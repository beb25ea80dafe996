"""Kling's image-to-video.

Source: copies of Kling's API reference for api-singapore.klingai.com; see the README for what is
not certain.
"""
