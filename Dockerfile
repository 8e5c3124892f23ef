# One image per service:  docker build --target agent -t quivive-agent .   (likewise aggregator, api)
ARG PYTHON_IMAGE=python:3.11-slim

# Libraries are installed by the lock's hashes, from wheels alone, into a prefix that the images copy: nothing is built in them.
FROM ${PYTHON_IMAGE} AS libraries
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements/ /requirements/

FROM libraries AS agent-libraries
RUN pip install --require-hashes --only-binary :all: --no-compile --prefix /libraries -r /requirements/agent.txt

FROM libraries AS aggregator-libraries
RUN pip install --require-hashes --only-binary :all: --no-compile --prefix /libraries -r /requirements/aggregator.txt

FROM libraries AS api-libraries
RUN pip install --require-hashes --only-binary :all: --no-compile --prefix /libraries -r /requirements/api.txt

# What the images have in common: a user without rights, and a root file system that nothing needs to write to.
FROM ${PYTHON_IMAGE} AS service
RUN pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel \
    && groupadd --system --gid 10001 quivive \
    && useradd --system --uid 10001 --gid quivive --home-dir /nonexistent --shell /usr/sbin/nologin quivive
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 QUIVIVE_BIND=0.0.0.0
WORKDIR /app
COPY LICENSE /app/
COPY quivive/ /app/quivive/
USER 10001:10001

FROM service AS agent
COPY --from=agent-libraries /libraries /usr/local
COPY probe_agent/ /app/probe_agent/
ENV QUIVIVE_HEALTH_PORT=8081
EXPOSE 8081
ENTRYPOINT ["python", "-m", "probe_agent"]

FROM service AS aggregator
COPY --from=aggregator-libraries /libraries /usr/local
COPY aggregator/ /app/aggregator/
ENV QUIVIVE_HEALTH_PORT=8081
EXPOSE 8081
ENTRYPOINT ["python", "-m", "aggregator"]

FROM service AS api
COPY --from=api-libraries /libraries /usr/local
COPY api/ /app/api/
EXPOSE 50051 8080
ENTRYPOINT ["python", "-m", "api"]
