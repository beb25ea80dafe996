# One image for every part. Which one a container is, its command says (docs/deployment.md):
#   showrunner migrate | showrunner deploy | showrunner prefect-server --host 0.0.0.0
#   python -m webhook | python -m flows.runtime.worker
# The tag follows the image's security fixes. To build from one image for ever, name it by its digest, which
# `docker buildx imagetools inspect python:3.11-slim` prints for your registry:
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim@sha256:… .
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /source
COPY . .
# Packages by their hashes; ours, which has none, with the builder that was among them.
RUN python -m venv /opt/showrunner \
 && /opt/showrunner/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement requirements.txt \
 && /opt/showrunner/bin/pip install --no-cache-dir --no-deps --no-build-isolation ./packages/notion-sandbox .

FROM ${PYTHON_IMAGE}
# Volumes in a folder belong to whom the folder belongs: Prefect's server keeps its leases in this one.
RUN useradd --create-home --home-dir /var/lib/showrunner --uid 10001 showrunner \
 && install --directory --owner showrunner /var/lib/showrunner/prefect
COPY --from=build /opt/showrunner /opt/showrunner
ENV PATH=/opt/showrunner/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LOG_FORMAT=json \
    RECEIVER_HOST=0.0.0.0 \
    CHANNEL_CONFIGS=/etc/showrunner/channels
WORKDIR /var/lib/showrunner
USER 10001
# The receiver's. Prefect's server listens on 4200.
EXPOSE 8600
CMD ["python", "-m", "flows.runtime.worker"]
