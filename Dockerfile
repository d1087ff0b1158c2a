# The browser libraries and the hashed static files are made here; the image below carries no Node.
FROM node:22-bookworm-slim AS browser
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm
RUN useradd --system --create-home --home-dir /var/lib/windhover windhover
WORKDIR /app
COPY --from=browser /app/node_modules node_modules
COPY . .
ENV PYTHONUNBUFFERED=1
# The launcher sets up exactly what the lock file names, as on any other machine.
RUN ./run setup && ./run manage collectstatic --no-input --verbosity 0
USER windhover
ENTRYPOINT ["./run"]
CMD ["serve", "web"]
