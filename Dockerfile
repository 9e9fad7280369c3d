# The daemon for docker-compose.system.yml. The account has a fixed number, so that the volume of the socket and the
# secrets can be given to it.
ARG PYTHON=python:3.13-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8
FROM ${PYTHON} AS program
WORKDIR /source
COPY requirements-system.lock requirements-build.lock ./
# pip and what builds the wheel stay here; the environment has what the lock names.
RUN python -m venv /tools \
    && python -m venv --without-pip /opt/teleclaude \
    && /tools/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: \
        --requirement requirements-build.lock \
    && /tools/bin/python -m pip --python /opt/teleclaude/bin/python install --no-cache-dir --require-hashes \
        --only-binary :all: --requirement requirements-system.lock
COPY . .
RUN /tools/bin/python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /tools/bin/python -m pip --python /opt/teleclaude/bin/python install --no-index --no-deps --only-binary :all: \
        /wheel/*.whl \
    && sed -i '1s/$/ -I/' /opt/teleclaude/bin/teleclaude

FROM ${PYTHON}
RUN python -m pip uninstall --yes --root-user-action=ignore pip
RUN useradd --system --user-group --uid 700 --home-dir /var/lib/teleclaude --no-create-home --shell /usr/sbin/nologin \
        teleclaude \
    && install -d -o teleclaude -g teleclaude -m 0755 /run/teleclaude \
    && install -d -o root -g teleclaude -m 1770 /var/lib/teleclaude \
    && install -d -o teleclaude -g teleclaude -m 0750 /var/log/teleclaude \
    && ln -s /opt/teleclaude/bin/teleclaude /usr/local/bin/teleclaude
COPY --from=program /opt/teleclaude /opt/teleclaude
USER teleclaude
ENV TELECLAUDE_SYSTEM_MODE=1
CMD ["teleclaude", "daemon"]
