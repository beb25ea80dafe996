"""Programs that tests start: Prefect's server, workers, the command line, proxies."""
