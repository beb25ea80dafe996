"""The web server's app: routes, authentication, the sandbox's own control endpoints."""
