# The web process by default; compose.yaml runs the worker and the beat from the same image.
FROM node:24-slim AS pages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund --ignore-scripts \
    && cd node_modules/ace-builds && rm -rf src src-min src-noconflict types ace*.d.ts

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --create-home --uid 10001 orchestrator
WORKDIR /app
COPY requirements.txt constraints.txt ./
RUN pip install --requirement requirements.txt --constraint constraints.txt
COPY . .
COPY --from=pages /app/node_modules node_modules
ENV SERVICE_HOST=0.0.0.0 SERVICE_PORT=8000 DATA_DIR=/data
RUN mkdir /data && DATA_DIR=/tmp/build python manage.py setup_site --static && rm -rf /tmp/build \
    && chown -R orchestrator /data static_build
USER orchestrator
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['SERVICE_PORT'] + '/health', timeout=4)"]
CMD ["sh", "-c", "python manage.py setup_site && exec python manage.py serve"]
