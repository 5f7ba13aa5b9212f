# The images of TESK's programs, a target each: api, webhook, janitor, taskmaster, filer. scripts/images builds them all;
# by hand: DOCKER_BUILDKIT=1 docker build --target api -t tesk/api .
# Two optional build secrets: `ca`, a CA bundle for networks that inspect TLS, and `pip`, a pip.conf.
ARG PYTHON_IMAGE=python:3.13-slim
ARG COMPILE="python3 -m compileall -q --invalidation-mode unchecked-hash"
ARG INSTALL="python3 -m venv /tmp/pip && /tmp/pip/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes \
--only-binary=:all: --target=/deps -r /deps/requirements.txt && rm -rf /tmp/pip /deps/bin"

# Without bytecode each start costs three times as much. Debian's Python comes with it, python:slim does not.
# Its hashes are unchecked, so that neither a read-only root nor another mtime makes it stale.
FROM ${PYTHON_IMAGE} AS base
ARG COMPILE
ENV PYTHONPATH=/app:/deps PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN echo 'tesk:x:65532:65532::/nonexistent:/usr/sbin/nologin' >> /etc/passwd && echo 'tesk:x:65532:' >> /etc/group \
 && if python3 -c 'import argparse, importlib.util as u, os, sys; sys.exit(os.path.exists(u.cache_from_source(argparse.__file__)))'; then \
      $COMPILE -x '/(site-packages|test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|pydoc_data|config-[^/]*)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"; fi
WORKDIR /app

FROM base AS busybox
# Since Debian 13 it is in /usr/bin.
RUN cd /tmp && apt-get update -q && apt-get download -q busybox-static && dpkg-deb -x busybox-static_*.deb /package \
 && cp "$(find /package -name busybox -path '*bin/*' -type f)" /busybox

FROM base AS api-app
COPY tescore /app/tescore
COPY api /app/api
ARG COMPILE
RUN $COMPILE /app
FROM base AS api
# The thread that works for the processor would have memory of its own that stays its own.
ENV MALLOC_ARENA_MAX=1
COPY requirements/api.txt /deps/requirements.txt
ARG INSTALL COMPILE
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt --mount=type=secret,id=pip,target=/etc/pip.conf \
    eval "$INSTALL" && $COMPILE /deps
USER 65532:65532
ENTRYPOINT ["python3", "-m", "api"]
COPY --from=api-app /app /app

FROM base AS webhook-app
COPY tescore /app/tescore
COPY webhook /app/webhook
ARG COMPILE
RUN $COMPILE /app
FROM base AS webhook
ENV MALLOC_ARENA_MAX=1
COPY requirements/webhook.txt /deps/requirements.txt
ARG INSTALL COMPILE
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt --mount=type=secret,id=pip,target=/etc/pip.conf \
    eval "$INSTALL" && $COMPILE /deps
USER 65532:65532
ENTRYPOINT ["python3", "-m", "webhook"]
COPY --from=webhook-app /app /app

# These two need the standard library alone: one of them is paid for once per task.
FROM base AS janitor
COPY tescore /app/tescore
COPY janitor /app/janitor
ARG COMPILE
RUN $COMPILE /app
USER 65532:65532
ENTRYPOINT ["python3", "-m", "janitor"]

FROM base AS taskmaster
COPY tescore /app/tescore
COPY taskmaster /app/taskmaster
ARG COMPILE
RUN $COMPILE /app
USER 65532:65532
ENTRYPOINT ["python3", "-m", "taskmaster"]

FROM base AS filer-app
COPY tescore /app/tescore
COPY filer /app/filer
ARG COMPILE
RUN $COMPILE /app
FROM base AS filer
COPY --from=busybox /busybox /usr/local/lib/tesk/busybox
COPY requirements/filer.txt /deps/requirements.txt
ARG INSTALL COMPILE
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt --mount=type=secret,id=pip,target=/etc/pip.conf \
    eval "$INSTALL" && $COMPILE /deps
ENTRYPOINT ["python3", "-m", "filer"]
COPY --from=filer-app /app /app
