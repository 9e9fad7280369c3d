# The daemon for docker-compose.system.yml. The account has a fixed number, so that the volume of the socket and the
# secrets can be given to it.
FROM python:3.13-slim-bookworm AS program
WORKDIR /source
COPY requirements-system.lock .
RUN python -m venv /opt/teleclaude \
    && /opt/teleclaude/bin/python -m pip install --no-cache-dir --require-hashes --requirement requirements-system.lock
COPY . .
RUN /opt/teleclaude/bin/python -m pip install --no-cache-dir --no-index --no-deps --no-build-isolation . \
    && sed -i '1s/$/ -I/' /opt/teleclaude/bin/teleclaude

FROM python:3.13-slim-bookworm
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
