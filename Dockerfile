# Portico: two stages, so that no build tool is left; the second runs as nobody in particular.
ARG PYTHON=python:3.12-slim
FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python3 -m venv /opt/portico
WORKDIR /src
COPY requirements.lock ./
RUN /opt/portico/bin/pip install --require-hashes --only-binary=:all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python3 -m venv /opt/hatch \
    && /opt/hatch/bin/pip install hatchling \
    && /opt/hatch/bin/python -m hatchling build -t wheel -d /dist \
    && /opt/portico/bin/pip install --no-deps /dist/*.whl \
    && /opt/portico/bin/python -m compileall -q /opt/portico/lib \
    && rm -rf /opt/portico/lib/python3*/site-packages/pip /opt/portico/bin/pip*

FROM ${PYTHON}
LABEL org.opencontainers.image.title="Portico" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/portico/bin:$PATH PYTHONUNBUFFERED=1 PORTICO_HOME=/home/portico \
    LITELLM_LOCAL_MODEL_COST_MAP=True
# Compiled here: the official image comes without, and a read-only one could not keep what it makes.
RUN python3 -m compileall -q "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && groupadd --gid 10001 portico \
    && useradd --uid 10001 --gid portico --home-dir /home/portico --create-home portico
COPY --from=build /opt/portico /opt/portico
USER 10001:10001
WORKDIR /home/portico
VOLUME ["/home/portico"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["portico", "health"]
ENTRYPOINT ["portico"]
CMD ["up", "--host", "0.0.0.0"]
