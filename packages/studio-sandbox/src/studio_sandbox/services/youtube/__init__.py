"""YouTube's Data API: authorization, resumable uploads, and reading one's own videos.

Source: developers.google.com/youtube/v3 and developers.google.com/identity/protocols/oauth2.
"""
