# To pin the base by its digest as well: docker build --build-arg PYTHON_IMAGE=python:3.11.13-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.11.13-slim-bookworm
FROM ${PYTHON_IMAGE}

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HF_HUB_OFFLINE=1 \
    RAGSVC_HOME=/var/lib/ragsvc

RUN useradd --system --uid 10001 --create-home --home-dir /home/ragsvc ragsvc \
    && install -d -o ragsvc -g ragsvc /var/lib/ragsvc

WORKDIR /opt/ragsvc

# The packages change rarely and the code often: they are a layer of their own.
# All but torch are checked against their hashes; its build for processors comes from an index of its own.
COPY constraints.txt docker/requirements.txt ./
RUN pip install --no-deps --extra-index-url https://download.pytorch.org/whl/cpu "$(grep '^torch==' constraints.txt)"
RUN pip install --no-deps --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY ragsvc ./ragsvc
RUN pip install --no-deps --no-build-isolation . && rm -rf build && pip check
COPY corpora ./corpora

USER ragsvc
VOLUME /var/lib/ragsvc
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]

# An address other than loopback needs RAGSVC_API_KEY: serve says so and stops without it.
CMD ["ragsvc", "serve", "--host", "0.0.0.0", "--port", "8000"]
