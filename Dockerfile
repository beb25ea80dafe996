# One image for every part. Which one a container is, its command says (docs/deployment.md):
#   showrunner migrate | showrunner deploy | showrunner prefect-server --host 0.0.0.0
#   python -m webhook | python -m flows.worker
FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/showrunner \
 && PIP_CONSTRAINT=/source/constraints.txt /opt/showrunner/bin/pip install --no-cache-dir ./packages/notion-sandbox .

FROM python:3.11-slim
# Volumes in a folder belong to whom the folder belongs: Prefect's server keeps its leases in this one.
RUN useradd --create-home --home-dir /var/lib/showrunner --uid 10001 showrunner \
 && install --directory --owner showrunner /var/lib/showrunner/prefect
COPY --from=build /opt/showrunner /opt/showrunner
ENV PATH=/opt/showrunner/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LOG_FORMAT=json \
    DOOR_HOST=0.0.0.0 \
    CHANNEL_CONFIGS=/etc/showrunner/channels
WORKDIR /var/lib/showrunner
USER 10001
# The door's. Prefect's server listens on 4200.
EXPOSE 8600
CMD ["python", "-m", "flows.worker"]
