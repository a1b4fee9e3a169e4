# Images from one file:
#   docker build -t chaos-engine .
#   docker build -t chaos-engine-aws --build-arg REQUIREMENTS=aws .   # with boto3, for FIS, SSM and CloudWatch
#   docker build -t chaos-engine-toolkit --build-arg REQUIREMENTS=toolkit .   # with chaostoolkit-lib
#   docker build -t chaos-engine-target-app --target target-app .
#   docker build -t chaos-engine-rehearsal --target rehearsal .       # AWS on this machine
# All run as users of their own, on a read-only root file system.

FROM python:3.13-slim AS python
# Fewer malloc arenas: threads cost less memory. Unbuffered: logs appear when they are written.
ENV MALLOC_ARENA_MAX=2 \
    PYTHONUNBUFFERED=1 \
    PATH=/opt/venv/bin:$PATH
# On a read-only root nothing is compiled at run time, and the base image comes without bytecode.
RUN python -m compileall -q -j 0 \
      -x '/(site-packages|dist-packages|test|idlelib|tkinter|turtledemo|ensurepip|lib2to3)/' \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# The engine writes the failure state, the app reads it. Whoever starts first gives the shared volume its
# owner, so both images have the same folder.
RUN groupadd --gid 10001 engine \
 && useradd --uid 10001 --gid engine --home-dir /nonexistent --no-log-init --shell /usr/sbin/nologin engine \
 && groupadd --gid 10002 app \
 && useradd --uid 10002 --gid app --home-dir /nonexistent --no-log-init --shell /usr/sbin/nologin app \
 && install -d -o engine -g engine /chaos


# --- what is installed: environments without pip, requirements before the source that changes more often ----

FROM python AS wheel
WORKDIR /build
RUN python -m venv --without-pip /opt/backend
# Hatchling and what it needs, pinned as for development.
COPY requirements/dev.txt requirements/
RUN awk '/^[a-z]/ { wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } wanted' \
      requirements/dev.txt > backend.txt \
 && pip --python /opt/backend/bin/python install --no-cache-dir --require-hashes -r backend.txt
COPY pyproject.toml README.md engine.py scheduler.py ./
COPY scenarios scenarios
COPY evaluators evaluators
COPY target_app target_app
COPY chaos_engine chaos_engine
COPY chaosengine chaosengine
RUN /opt/backend/bin/python -m hatchling build -t wheel -d dist

FROM python AS engine-environment
WORKDIR /build
RUN python -m venv --without-pip /opt/venv
# `base`, or a file of requirements/ that has more: `aws`, `toolkit`, `notify`.
ARG REQUIREMENTS=base
COPY requirements/${REQUIREMENTS}.txt requirements.txt
RUN pip --python /opt/venv/bin/python install --no-cache-dir --compile --require-hashes -r requirements.txt
COPY --from=wheel /build/dist dist
RUN pip --python /opt/venv/bin/python install --no-cache-dir --compile --no-deps --no-index dist/*.whl

FROM python AS rehearsal-environment
WORKDIR /build
RUN python -m venv --without-pip /opt/venv
COPY requirements/rehearsal.txt requirements.txt
RUN pip --python /opt/venv/bin/python install --no-cache-dir --compile --require-hashes -r requirements.txt
COPY --from=wheel /build/dist dist
RUN pip --python /opt/venv/bin/python install --no-cache-dir --compile --no-deps --no-index dist/*.whl

FROM python AS app-environment
WORKDIR /build
RUN python -m venv --without-pip /opt/venv
COPY requirements/demo.txt requirements/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --compile --require-hashes \
      -r requirements/demo.txt
COPY target_app /app/target_app
RUN python -m compileall -q /app


# --- the demo shop ------------------------------------------------------------------------------------------

FROM python AS target-app
COPY --from=app-environment /opt/venv /opt/venv
COPY --from=app-environment /app /app
WORKDIR /app
USER app
ENV FAILURE_STATE_FILE=/chaos/failure_state.json
EXPOSE 8000
# No shell above it: the app is process 1, so that its crash is the container's.
CMD ["python", "-m", "target_app", "--host", "0.0.0.0", "--port", "8000"]


# --- AWS, rehearsed -----------------------------------------------------------------------------------------

FROM python AS rehearsal
COPY --from=rehearsal-environment /opt/venv /opt/venv
USER engine
EXPOSE 4599
# Seeded before it answers. Bash speaks TCP itself.
HEALTHCHECK --interval=2s --timeout=5s --start-period=60s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/4599 && printf 'GET /moto-api/ HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["chaos-engine", "rehearsal", "--host", "0.0.0.0"]


# --- the engine (the default target) ------------------------------------------------------------------------

FROM python AS engine
# What helper containers need: they are made from this image, and put faults into other containers' networks.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends iproute2 iptables \
 && rm -rf /var/lib/apt/lists/*
# Known by it, the engine's own containers are never hurt.
LABEL chaos-engine.part=engine
RUN install -d -o engine -g engine /var/lib/chaos-engine
COPY --from=engine-environment /opt/venv /opt/venv
USER engine
ENV CHAOS_DATA_DIR=/var/lib/chaos-engine
VOLUME ["/var/lib/chaos-engine"]
# The daemon touches the file every 2 s; at a tenth of a core that may take a while longer.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=2 \
  CMD beat=$(stat -c %Y "$CHAOS_DATA_DIR/heartbeat") && [ $(($(date +%s) - beat)) -lt 10 ]
ENTRYPOINT ["chaos-engine"]
CMD ["run"]
