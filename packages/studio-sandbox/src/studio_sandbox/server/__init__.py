"""The web server: the services, the control endpoints and the page."""
