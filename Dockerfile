# One image for every process. `docker run -p 8000:8000 -e DEBUG=on IMAGE` runs all of them in one container with the
# simulator; docker-compose.yml runs each in its own.
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --no-compile -r requirements.txt

FROM python:3.11-slim
# redis-server is only for running all processes in one container; with REDIS_URL set it is not started.
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home songranker && mkdir /data && chown songranker /data
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DEBUG=off DATA_DIR=/data WEB_HOST=0.0.0.0 PORT=8000
# Settings must load to collect the static files; none of these values stays in the image.
RUN SECRET_KEY=only-while-building ALLOWED_HOSTS=build SPOTIFY_CLIENT_ID=build SPOTIFY_CLIENT_SECRET=build DATA_DIR=/tmp/build \
    python manage.py collectstatic --noinput && python -m compileall -q /app
USER songranker
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s \
    CMD python -c "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=4)"
CMD ["python", "-m", "songranker.runner"]
