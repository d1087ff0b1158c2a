FROM python:3.11-slim-bookworm

RUN useradd --system --create-home --home-dir /var/lib/windhover windhover
WORKDIR /app
COPY . .

# The launcher sets up what the lock files name, as on any other machine; what only the set-up needed goes again.
# The keys of this step sign nothing: collecting files is all that is done with them.
RUN WINDHOVER_STATE=/tmp/build ./run manage collectstatic --no-input --verbosity 0 \
    && rm -rf /tmp/build node_modules .boot /root/.cache /root/.npm

USER windhover
ENV PYTHONUNBUFFERED=1 WINDHOVER_STATE=/var/lib/windhover
ENTRYPOINT ["./run"]
CMD ["serve", "web", "--host", "0.0.0.0"]
