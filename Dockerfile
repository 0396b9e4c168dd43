FROM python:3.11.13-slim-bookworm

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
COPY constraints.txt ./
RUN pip install --no-deps --extra-index-url https://download.pytorch.org/whl/cpu "$(grep '^torch==' constraints.txt)"
COPY pyproject.toml README.md LICENSE NOTICE ./
RUN mkdir ragsvc && touch ragsvc/__init__.py \
    && pip install -c constraints.txt . \
    && pip uninstall --yes ragsvc && rm -rf ragsvc build
COPY ragsvc ./ragsvc
RUN pip install --no-deps . && rm -rf build
COPY corpora ./corpora

USER ragsvc
VOLUME /var/lib/ragsvc
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]

# An address other than loopback needs RAGSVC_API_KEY: serve says so and stops without it.
CMD ["ragsvc", "serve", "--host", "0.0.0.0", "--port", "8000"]
